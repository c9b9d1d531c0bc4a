SELECT content FROM inbound_chunks WHERE inbound_mail_id = $1 AND seq = $2
