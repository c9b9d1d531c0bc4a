DELETE FROM contact_emails WHERE address = $1
