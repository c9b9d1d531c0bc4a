SELECT COUNT(*), MIN(queued_at) FROM outbox WHERE next_attempt_at IS NOT NULL
