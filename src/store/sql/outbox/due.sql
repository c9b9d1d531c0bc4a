SELECT EXISTS (SELECT 1 FROM outbox WHERE priority = 0 AND next_attempt_at <= $1)
    OR EXISTS (SELECT 1 FROM outbox WHERE priority = 1 AND next_attempt_at <= $1)
