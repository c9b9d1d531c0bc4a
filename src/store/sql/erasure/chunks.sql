DELETE FROM inbound_chunks WHERE inbound_mail_id = $1
