-- Mails nobody has tried yet though their time came long ago; those that are tried again wait for their next try.
SELECT COUNT(*), MIN(queued_at)
FROM (SELECT status, queued_at FROM outbox WHERE ready
      UNION ALL
      SELECT status, queued_at FROM outbox WHERE NOT ready AND next_attempt_at <= $2) AS due
WHERE status = 'queued' AND queued_at <= $1
