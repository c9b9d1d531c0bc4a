UPDATE mailboxes SET last_received_at = $2
WHERE id = $1 AND (last_received_at IS NULL OR last_received_at < $2)
