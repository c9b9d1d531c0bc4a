SELECT * FROM mailboxes WHERE is_active ORDER BY created_at, id
