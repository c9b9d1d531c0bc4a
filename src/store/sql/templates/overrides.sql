SELECT * FROM templates WHERE type = 'notification' AND is_active ORDER BY id
