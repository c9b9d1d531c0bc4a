DELETE FROM spent_puzzles WHERE expires_at <= $1
