UPDATE templates
SET key = $2, name = $3, category = $4, locale = $5, subject = $6, body = $7, body_format = $8, body_html = $9,
    is_active = $10, updated_at = $11, version = $12
WHERE id = $1
