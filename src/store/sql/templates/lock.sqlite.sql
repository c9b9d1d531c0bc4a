SELECT * FROM templates WHERE id = $1
