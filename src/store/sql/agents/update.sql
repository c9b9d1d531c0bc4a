UPDATE agents
SET name = $2, email = $3, role = $4, signature = $5, locale = $6, timezone = $7, notifications = $8, is_active = $9,
    updated_at = $10, version = $11
WHERE id = $1
