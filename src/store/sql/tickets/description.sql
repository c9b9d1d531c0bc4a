SELECT body_text FROM responses WHERE ticket_id = $1 ORDER BY created_at, id LIMIT 1
