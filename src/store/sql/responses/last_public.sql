SELECT * FROM responses WHERE ticket_id = $1 AND visibility = 'public' AND deleted_at IS NULL
ORDER BY created_at DESC, id DESC LIMIT 1
