INSERT INTO api_tokens (id, name, prefix, secret_hash, agent_id, scopes, expires_at, revoked_at, last_used_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
