UPDATE outbox SET ready = TRUE
WHERE id IN (SELECT id FROM outbox WHERE NOT ready AND next_attempt_at <= $1 ORDER BY next_attempt_at LIMIT $2)
