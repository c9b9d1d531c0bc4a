-- What is on the wire ends by itself.
UPDATE webhook_deliveries SET state = 'failed', next_attempt_at = NULL, error = $2
WHERE webhook_id = $1 AND next_attempt_at IS NOT NULL AND lease IS NULL
