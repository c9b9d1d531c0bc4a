SELECT address, request, created_at, expires_at FROM pending_tickets WHERE id = $1
