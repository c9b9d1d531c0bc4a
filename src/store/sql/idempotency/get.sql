SELECT body_hash, status, location, body FROM idempotency_keys WHERE scope = $1 AND path = $2 AND key = $3
