SELECT * FROM templates WHERE type = 'reply' AND is_active AND (LOWER(key) = $1 OR LOWER(name) = $1) ORDER BY id
