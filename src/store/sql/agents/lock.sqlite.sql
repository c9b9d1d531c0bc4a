SELECT * FROM agents WHERE id = $1 AND is_active
