INSERT INTO templates (id, type, key, name, category, locale, subject, body, body_format, body_html, visibility, team_id,
                       is_active, usage_count, last_used_at, created_at, updated_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
ON CONFLICT DO NOTHING
