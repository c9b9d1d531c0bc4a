UPDATE outbox SET next_attempt_at = $1, ready = TRUE
WHERE NOT ready AND next_attempt_at > $2 AND (status = 'deferred' OR status = 'queued' AND created_at > $2)
