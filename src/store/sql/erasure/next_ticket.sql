SELECT id FROM tickets WHERE requester_id = $1 AND id > $2 ORDER BY id LIMIT 1
