SELECT size, raw FROM inbound_mails WHERE id = $1
