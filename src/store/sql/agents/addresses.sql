SELECT address, agent_id FROM agent_emails
