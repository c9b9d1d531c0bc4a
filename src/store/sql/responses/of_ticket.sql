SELECT * FROM responses WHERE ticket_id = $1 AND deleted_at IS NULL ORDER BY created_at, id
