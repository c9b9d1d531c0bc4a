SELECT id FROM tickets WHERE cc <> '[]' AND cc LIKE $1 ESCAPE '!' LIMIT 20
