INSERT INTO webhook_deliveries (id, webhook_id, event_id, type, body, state, attempts, next_attempt_at, created_at)
VALUES ($1, $2, $3, $4, $5, 'pending', 0, $6, $6)
ON CONFLICT (webhook_id, event_id) DO NOTHING
