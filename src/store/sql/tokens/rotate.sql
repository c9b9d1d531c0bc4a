UPDATE api_tokens
SET prefix = $2, secret_hash = $3, old_secret_hash = $4, old_until = $5, updated_at = $6, version = $7
WHERE id = $1
