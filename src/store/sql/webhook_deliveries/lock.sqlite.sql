-- The one writer is lock enough.
SELECT id, webhook_id, event_id, type, state, attempts, status_code, duration_ms, error, next_attempt_at, lease,
       created_at
FROM webhook_deliveries WHERE id = $1 AND webhook_id = $2
