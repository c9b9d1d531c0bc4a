SELECT bounce_proved FROM outbox WHERE id = $1
