SELECT id, ticket_id, created_at AS at, status AS what FROM outbox WHERE id > $1 ORDER BY id LIMIT $2
