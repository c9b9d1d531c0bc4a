DELETE FROM pending_tickets WHERE expires_at <= $1
