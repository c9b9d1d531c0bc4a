INSERT INTO contact_emails (address, contact_id, verified, is_primary) VALUES ($1, $2, $3, $4)
