INSERT INTO template_versions (template_id, version, name, category, locale, subject, body, body_format, body_html, is_active,
                               author_id, author_name, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
