INSERT INTO agents (id, name, email, role, signature, locale, timezone, notifications, is_active, created_at,
                    updated_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (email) DO NOTHING
