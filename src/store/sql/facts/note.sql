INSERT INTO desk_facts (name, value) VALUES ($1, '') ON CONFLICT (name) DO NOTHING
