DELETE FROM attachments WHERE id = $1 AND ticket_id IS NULL AND expires_at IS NOT NULL
