UPDATE outbox SET next_attempt_at = $1, lease = NULL WHERE status = 'sending' AND next_attempt_at > $1
