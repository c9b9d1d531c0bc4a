SELECT * FROM tickets WHERE (updated_at, id) > ($1, $2) ORDER BY updated_at, id LIMIT $3
