INSERT INTO teams (id, name, created_at, updated_at, version) VALUES ($1, $2, $3, $4, $5)
