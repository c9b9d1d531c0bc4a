DELETE FROM inbound_chunks WHERE inbound_mail_id IN (SELECT id FROM inbound_mails WHERE ticket_id = $1)
