SELECT * FROM responses WHERE id = $1
