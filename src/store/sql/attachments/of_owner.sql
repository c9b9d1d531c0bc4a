SELECT * FROM attachments WHERE owner_id = $1 AND expires_at IS NOT NULL ORDER BY position, created_at, id
