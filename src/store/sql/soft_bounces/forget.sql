DELETE FROM soft_bounces WHERE address = $1
