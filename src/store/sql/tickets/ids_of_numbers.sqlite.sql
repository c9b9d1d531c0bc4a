SELECT number, id FROM tickets WHERE number IN (SELECT value FROM json_each($1))
