DELETE FROM agent_emails WHERE agent_id = $1
