INSERT INTO inbound_chunks (inbound_mail_id, seq, content) VALUES ($1, $2, $3)
