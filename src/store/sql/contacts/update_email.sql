UPDATE contact_emails SET is_primary = $2 WHERE address = $1
