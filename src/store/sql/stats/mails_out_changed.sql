SELECT id, ticket_id, created_at AS at, status AS what FROM outbox WHERE changed_at >= $1
