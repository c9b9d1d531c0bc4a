UPDATE webhooks
SET url = $2, events = $3, description = $4, filter = $5, is_active = $6, failing_since = $7, secret = $8,
    old_secret = $9, old_secret_until = $10, updated_at = $11, version = $12
WHERE id = $1
