UPDATE responses
SET body_format = $2, body_text = $3, body_html = $4, quoted_text = $5, full_text = $6, edited_at = $7, version = $8
WHERE id = $1
