INSERT INTO desk_events (id, at, type, ticket_id, body, waits)
VALUES ($1, $2, $3, $4, $5, EXISTS (SELECT 1 FROM webhooks WHERE is_active))
