UPDATE jobs SET state = 'running', lease = $1, next_at = $2
WHERE id = (SELECT id FROM jobs WHERE next_at <= $3 ORDER BY next_at, id LIMIT 1)
RETURNING *
