SELECT id, response_id, status FROM outbox WHERE ticket_id = $1 ORDER BY id
