UPDATE api_tokens SET revoked_at = $2, updated_at = $2, version = version + 1 WHERE agent_id = $1 AND revoked_at IS NULL
