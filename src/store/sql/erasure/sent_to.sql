SELECT id, ticket_id FROM outbox WHERE to_address = $1 LIMIT 50
