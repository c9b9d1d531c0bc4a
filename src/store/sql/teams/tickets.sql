SELECT id FROM tickets WHERE team_id = $1 ORDER BY id LIMIT $2
