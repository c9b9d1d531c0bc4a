SELECT COUNT(*) FROM tickets WHERE requester_id = $1
