DELETE FROM attachments WHERE ticket_id = $1
