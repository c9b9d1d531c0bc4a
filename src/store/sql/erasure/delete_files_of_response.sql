DELETE FROM attachments WHERE response_id = $1
