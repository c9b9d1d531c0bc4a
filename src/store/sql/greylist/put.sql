INSERT INTO greylist (key, first_at, seen_at, passed) VALUES ($1, $2, $3, $4)
ON CONFLICT (key) DO UPDATE SET first_at = EXCLUDED.first_at, seen_at = EXCLUDED.seen_at, passed = EXCLUDED.passed
