SELECT id, ticket_id, received_at AS at FROM inbound_mails WHERE id > $1 ORDER BY id LIMIT $2
