SELECT * FROM responses
WHERE ticket_id = $1 AND visibility = 'public' AND author_type = 'agent' AND deleted_at IS NULL
ORDER BY created_at DESC, id DESC LIMIT 1
