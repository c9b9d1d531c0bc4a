SELECT * FROM tickets WHERE id = $1
