SELECT * FROM attachments WHERE ticket_id = $1 ORDER BY created_at, response_id, position, id
