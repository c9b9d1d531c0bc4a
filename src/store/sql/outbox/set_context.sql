UPDATE outbox SET context = $2 WHERE id = $1 AND mime IS NULL
