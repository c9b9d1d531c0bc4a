SELECT queued_at FROM outbox WHERE to_address = $1 ORDER BY queued_at DESC LIMIT 2 OFFSET $2
