SELECT id FROM templates WHERE type = $1 AND name = $2 AND locale = $3
