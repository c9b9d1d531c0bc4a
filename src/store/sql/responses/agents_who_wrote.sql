SELECT DISTINCT author_id FROM responses
WHERE ticket_id = $1 AND author_type = 'agent' AND author_id IS NOT NULL AND deleted_at IS NULL
