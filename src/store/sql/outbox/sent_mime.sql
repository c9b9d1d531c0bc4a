SELECT mime FROM outbox WHERE id = $1
