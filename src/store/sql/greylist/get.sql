SELECT first_at, seen_at, passed FROM greylist WHERE key = $1
