SELECT id FROM inbound_mails WHERE dedupe_key = $1
