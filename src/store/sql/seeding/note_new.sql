INSERT INTO seed_rows (kind, id) VALUES ($1, $2)
