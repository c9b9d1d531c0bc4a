SELECT * FROM delivery_attempts WHERE outbox_id = $1 ORDER BY id
