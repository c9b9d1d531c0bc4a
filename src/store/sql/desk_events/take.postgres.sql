UPDATE desk_events SET waits = FALSE
WHERE seq = ANY (ARRAY (SELECT seq FROM desk_events WHERE waits ORDER BY seq LIMIT $1 FOR UPDATE SKIP LOCKED))
RETURNING seq, id, at, type, ticket_id, body
