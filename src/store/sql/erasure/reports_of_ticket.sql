SELECT id FROM inbound_mails WHERE ticket_id = $1 AND kind = 'bounce' AND LOWER(bounces) LIKE $2 ESCAPE '!'
