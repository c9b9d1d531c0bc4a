UPDATE inbound_mails SET subject = '', from_name = NULL, received_header = '', raw = $2 WHERE ticket_id = $1
