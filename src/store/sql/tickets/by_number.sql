SELECT * FROM tickets WHERE number = $1
