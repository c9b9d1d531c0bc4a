SELECT * FROM contact_emails WHERE contact_id = $1 ORDER BY is_primary DESC, address
