SELECT queued_at FROM outbox WHERE to_address = $1 ORDER BY queued_at DESC LIMIT 1 OFFSET $2
