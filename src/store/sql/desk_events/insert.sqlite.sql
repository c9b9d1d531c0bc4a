INSERT INTO desk_events (id, at, type, ticket_id, body) VALUES ($1, $2, $3, $4, $5)
