DELETE FROM idempotency_keys WHERE body LIKE $1
