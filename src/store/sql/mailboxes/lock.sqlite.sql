SELECT * FROM mailboxes WHERE id = $1
