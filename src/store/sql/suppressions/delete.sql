DELETE FROM suppressions WHERE address = $1
