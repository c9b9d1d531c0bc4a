UPDATE contact_emails SET verified = TRUE WHERE address = $1 AND NOT verified
