SELECT body, exchange FROM webhook_deliveries WHERE id = $1
