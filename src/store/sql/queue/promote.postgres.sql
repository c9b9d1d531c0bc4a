UPDATE outbox SET ready = TRUE
WHERE id = ANY (ARRAY (SELECT id FROM outbox WHERE NOT ready AND next_attempt_at <= $1
             ORDER BY next_attempt_at LIMIT $2 FOR UPDATE SKIP LOCKED))
