DELETE FROM call_counts WHERE full_at < $1
