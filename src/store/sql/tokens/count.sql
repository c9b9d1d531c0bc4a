SELECT COUNT(*) FROM api_tokens WHERE revoked_at IS NULL
