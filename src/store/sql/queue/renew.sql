UPDATE outbox SET next_attempt_at = $3 WHERE id = $1 AND lease = $2 AND status = 'sending'
