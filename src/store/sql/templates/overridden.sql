SELECT id FROM templates WHERE type = 'notification'
