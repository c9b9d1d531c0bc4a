SELECT mime FROM outbox WHERE id = $1 AND mime IS NOT NULL
