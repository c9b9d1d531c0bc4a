SELECT * FROM api_tokens WHERE secret_hash = $1 OR old_secret_hash = $1
