INSERT INTO spent_puzzles (challenge, expires_at) VALUES ($1, $2) ON CONFLICT (challenge) DO NOTHING
