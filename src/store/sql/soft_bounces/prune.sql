DELETE FROM soft_bounces WHERE address = $1 AND at < $2
