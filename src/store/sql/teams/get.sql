SELECT * FROM teams WHERE id = $1
