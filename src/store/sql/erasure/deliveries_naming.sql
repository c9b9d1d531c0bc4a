SELECT id, body FROM webhook_deliveries WHERE body LIKE $1
