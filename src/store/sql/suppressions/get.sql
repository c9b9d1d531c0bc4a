SELECT * FROM suppressions WHERE address = $1 AND (expires_at IS NULL OR expires_at > $2)
