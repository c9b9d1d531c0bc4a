SELECT * FROM api_tokens WHERE secret_hash = $1
