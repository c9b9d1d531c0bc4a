SELECT id FROM agents WHERE email = $1
UNION ALL SELECT agent_id FROM agent_emails WHERE address = $1
UNION ALL SELECT id FROM mailboxes WHERE address = $1
