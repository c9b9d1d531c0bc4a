INSERT INTO agent_emails (address, agent_id) VALUES ($1, $2) ON CONFLICT (address) DO NOTHING
