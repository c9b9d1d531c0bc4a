SELECT id, ticket_id, received_at AS at FROM inbound_mails WHERE released_at >= $1
