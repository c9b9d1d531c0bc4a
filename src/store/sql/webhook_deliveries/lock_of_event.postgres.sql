SELECT id, webhook_id, event_id, type, state, attempts, status_code, duration_ms, error, next_attempt_at, lease,
       created_at
FROM webhook_deliveries WHERE webhook_id = $1 AND event_id = $2 FOR UPDATE
