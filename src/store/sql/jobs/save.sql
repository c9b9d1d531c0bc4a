UPDATE jobs
SET state = $2, done = $3, total = $4, result = $5, position = $6, next_at = $7, lease = $8, updated_at = $9,
    version = $10
WHERE id = $1
