SELECT COUNT(*) FROM outbox WHERE to_address = $1 AND template = $2 AND queued_at > $3
