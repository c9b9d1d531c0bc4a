DELETE FROM team_members WHERE agent_id = $1
