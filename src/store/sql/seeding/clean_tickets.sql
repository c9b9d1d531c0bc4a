DELETE FROM tickets WHERE id IN (SELECT id FROM seed_rows WHERE kind = 'ticket' ORDER BY id LIMIT $1)
