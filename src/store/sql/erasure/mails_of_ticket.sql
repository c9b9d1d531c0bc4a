SELECT id FROM inbound_mails WHERE ticket_id = $1
