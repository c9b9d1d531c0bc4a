UPDATE webhook_deliveries SET lease = $1, next_attempt_at = $2
WHERE id IN (SELECT id FROM webhook_deliveries WHERE webhook_id = $3 AND next_attempt_at <= $4
             ORDER BY next_attempt_at, id LIMIT $5)
RETURNING *
