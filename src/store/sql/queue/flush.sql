UPDATE outbox SET next_attempt_at = $1, ready = TRUE
WHERE NOT ready AND next_attempt_at > $1 AND status = 'deferred'
