UPDATE outbox SET next_attempt_at = $1 WHERE NOT ready AND next_attempt_at > $1 AND status = 'sending'
