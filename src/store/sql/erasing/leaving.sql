SELECT COUNT(*) FROM outbox WHERE ticket_id = $1 AND status = 'sending'
