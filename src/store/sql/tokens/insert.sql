INSERT INTO api_tokens (id, name, prefix, secret_hash, old_secret_hash, old_until, agent_id, scopes, expires_at, revoked_at,
                        last_used_at, created_at, updated_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
