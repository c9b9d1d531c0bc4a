SELECT COUNT(*) FILTER (WHERE status = 'queued') AS queued,
       COUNT(*) FILTER (WHERE status = 'sending') AS sending,
       COUNT(*) FILTER (WHERE status = 'deferred') AS deferred,
       MIN(queued_at) AS oldest_queued_at,
       MIN(CASE WHEN status <> 'sending' THEN next_attempt_at END) AS next_attempt_at,
       (SELECT value FROM desk_facts WHERE name = $1) AS paused
FROM (SELECT status, queued_at, next_attempt_at FROM outbox WHERE ready
      UNION ALL
      SELECT status, queued_at, next_attempt_at FROM outbox
      WHERE NOT ready AND next_attempt_at IS NOT NULL) AS waiting
