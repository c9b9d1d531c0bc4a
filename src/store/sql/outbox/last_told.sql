SELECT MAX(queued_at), COUNT(*) FROM outbox
WHERE ticket_id = $1 AND to_address = $2 AND template = $3 AND queued_at > $4
