SELECT contacts.* FROM contact_emails JOIN contacts ON contacts.id = contact_emails.contact_id
WHERE contact_emails.address = $1
