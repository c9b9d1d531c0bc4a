SELECT * FROM agents WHERE is_active ORDER BY created_at, id
