DELETE FROM greylist WHERE seen_at < $1
