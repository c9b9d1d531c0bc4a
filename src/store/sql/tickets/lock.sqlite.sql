-- The one writer is lock enough.
SELECT * FROM tickets WHERE id = $1
