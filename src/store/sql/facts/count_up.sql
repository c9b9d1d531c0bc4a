INSERT INTO desk_facts (name, value) VALUES ($1, '1')
ON CONFLICT (name) DO UPDATE SET value = CAST(CAST(desk_facts.value AS BIGINT) + 1 AS TEXT)
