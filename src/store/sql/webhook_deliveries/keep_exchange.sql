UPDATE webhook_deliveries SET exchange = $2 WHERE id = $1
