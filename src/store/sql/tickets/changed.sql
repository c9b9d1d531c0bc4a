SELECT * FROM tickets WHERE (changed, id) > ($1, $2) AND changed < $3 ORDER BY changed, id LIMIT $4
