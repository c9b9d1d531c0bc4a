UPDATE jobs SET errors = $2 WHERE id = $1
