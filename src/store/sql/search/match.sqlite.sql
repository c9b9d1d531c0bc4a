SELECT ticket_id FROM (SELECT ticket_id FROM search WHERE search MATCH $1 ORDER BY rowid DESC LIMIT 10000)
