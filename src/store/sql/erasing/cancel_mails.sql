UPDATE outbox SET status = 'cancelled', next_attempt_at = NULL, ready = FALSE, changed_at = $2
WHERE ticket_id = $1 AND status IN ('queued', 'deferred')
