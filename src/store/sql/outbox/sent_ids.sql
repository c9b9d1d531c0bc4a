SELECT message_id FROM outbox WHERE ticket_id = $1 AND to_address = $2 AND sent_at IS NOT NULL
ORDER BY id DESC LIMIT $3
