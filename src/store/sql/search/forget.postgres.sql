DELETE FROM search WHERE response_id = $1
