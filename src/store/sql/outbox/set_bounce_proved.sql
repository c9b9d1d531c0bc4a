UPDATE outbox SET bounce_proved = $2 WHERE id = $1
