UPDATE webhook_deliveries
SET state = $2, attempts = $3, next_attempt_at = $4, lease = $5, status_code = $6, duration_ms = $7, error = $8
WHERE id = $1
