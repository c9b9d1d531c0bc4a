DELETE FROM teams WHERE id = $1
