SELECT * FROM webhooks WHERE is_active ORDER BY id
