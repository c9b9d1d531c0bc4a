UPDATE outbox SET next_attempt_at = $1, ready = TRUE, lease = NULL
WHERE NOT ready AND next_attempt_at > $1 AND status = 'sending'
