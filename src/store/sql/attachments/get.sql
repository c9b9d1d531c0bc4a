SELECT * FROM attachments WHERE id = $1
