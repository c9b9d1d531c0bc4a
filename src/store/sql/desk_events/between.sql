SELECT seq, id, at, type, ticket_id, body FROM desk_events
WHERE seq > $1 AND at >= $2 AND at < $3 ORDER BY seq LIMIT $4
