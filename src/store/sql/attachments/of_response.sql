SELECT * FROM attachments WHERE response_id = $1 ORDER BY position, created_at, id
