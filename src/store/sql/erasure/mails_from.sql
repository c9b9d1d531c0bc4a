SELECT id, ticket_id, response_id FROM inbound_mails WHERE LOWER(from_address) = $1 LIMIT 20
