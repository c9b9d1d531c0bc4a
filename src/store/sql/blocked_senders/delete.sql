DELETE FROM blocked_senders WHERE address = $1
