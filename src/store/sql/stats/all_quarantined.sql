SELECT COUNT(*) FROM inbound_mails WHERE action = 'quarantined'
