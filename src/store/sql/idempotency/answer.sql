UPDATE idempotency_keys SET status = $4, location = $5, body = $6 WHERE scope = $1 AND path = $2 AND key = $3
