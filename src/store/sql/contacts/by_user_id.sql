SELECT * FROM contacts WHERE user_id = $1 ORDER BY created_at, id LIMIT 1
