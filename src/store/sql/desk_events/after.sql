SELECT seq, id, at, type, ticket_id, body FROM desk_events WHERE seq > $1 ORDER BY seq LIMIT $2
