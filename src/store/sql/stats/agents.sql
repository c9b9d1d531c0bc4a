SELECT id, name, email FROM agents
