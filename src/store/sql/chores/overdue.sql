-- Mails nobody has tried yet though their time came long ago; those that are tried again wait for their next try.
SELECT COUNT(*), MIN(queued_at) FROM outbox
WHERE next_attempt_at <= $2 AND status = 'queued' AND queued_at <= $1
