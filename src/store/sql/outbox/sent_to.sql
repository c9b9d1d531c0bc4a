SELECT id FROM outbox
WHERE to_address = $1 AND queued_at > $2 AND status = 'sent' AND sent_at BETWEEN $2 AND $3
ORDER BY queued_at DESC LIMIT 1
