INSERT INTO idempotency_keys (scope, path, key, body_hash, status, location, body, created_at)
VALUES ($1, $2, $3, $4, 0, NULL, '', $5)
ON CONFLICT (scope, path, key) DO NOTHING
