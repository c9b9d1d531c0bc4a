SELECT id FROM outbox WHERE ticket_id = $1 AND audience = 'customer'
