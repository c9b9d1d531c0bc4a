SELECT id FROM outbox
WHERE ticket_id = $1 AND to_address = $2 AND template = $3 AND status = 'queued' AND attempts = 0
ORDER BY id DESC LIMIT 1
