UPDATE templates
SET key = $2, name = $3, category = $4, locale = $5, subject = $6, body = $7, body_format = $8, body_html = $9,
    visibility = $10, team_id = $11, is_active = $12, updated_at = $13, version = $14
WHERE id = $1
