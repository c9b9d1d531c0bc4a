DELETE FROM templates WHERE id = $1
