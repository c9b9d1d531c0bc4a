INSERT INTO webhooks (id, url, events, description, filter, is_active, failing_since, secret, old_secret,
                      old_secret_until, created_at, updated_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
