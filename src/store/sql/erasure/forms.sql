DELETE FROM pending_tickets
WHERE address IN (SELECT address FROM contact_emails WHERE contact_id = $1)
