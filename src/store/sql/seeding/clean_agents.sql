DELETE FROM agents
WHERE id IN (SELECT id FROM seed_rows WHERE kind = 'agent')
  AND NOT EXISTS (SELECT 1 FROM tickets WHERE assignee_id = agents.id)
  AND NOT EXISTS (SELECT 1 FROM api_tokens WHERE agent_id = agents.id)
  AND NOT EXISTS (SELECT 1 FROM team_members WHERE agent_id = agents.id)
  AND NOT EXISTS (SELECT 1 FROM agent_emails WHERE agent_id = agents.id)
