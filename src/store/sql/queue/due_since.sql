SELECT MIN(next_attempt_at)
FROM (SELECT next_attempt_at FROM outbox WHERE ready
      UNION ALL
      SELECT next_attempt_at FROM outbox WHERE NOT ready AND next_attempt_at IS NOT NULL) AS waiting
