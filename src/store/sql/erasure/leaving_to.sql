SELECT COUNT(*) FROM outbox WHERE to_address = $1 AND status = 'sending'
