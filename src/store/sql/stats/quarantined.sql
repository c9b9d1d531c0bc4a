SELECT COUNT(*) FROM inbound_mails WHERE action = 'quarantined' AND id >= $1 AND id < $2
