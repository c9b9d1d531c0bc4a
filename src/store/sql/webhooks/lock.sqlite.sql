-- The one writer is lock enough.
SELECT * FROM webhooks WHERE id = $1
