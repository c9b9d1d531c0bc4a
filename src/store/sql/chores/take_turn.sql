-- Once in a while, and by one node: the time stands in the fact.
INSERT INTO desk_facts (name, value) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE CAST(desk_facts.value AS BIGINT) <= $3
