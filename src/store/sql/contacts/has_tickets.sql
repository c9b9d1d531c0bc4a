SELECT id FROM tickets WHERE requester_id = $1 LIMIT 1
