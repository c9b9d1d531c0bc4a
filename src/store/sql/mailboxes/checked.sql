UPDATE mailboxes SET last_error = $2 WHERE id = $1
