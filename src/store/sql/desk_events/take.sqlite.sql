UPDATE desk_events SET waits = FALSE
WHERE seq IN (SELECT seq FROM desk_events WHERE waits ORDER BY seq LIMIT $1)
RETURNING seq, id, at, type, ticket_id, body
