UPDATE outbox SET bounce_proved = TRUE WHERE id = $1
