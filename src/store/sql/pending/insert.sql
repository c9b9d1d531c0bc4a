INSERT INTO pending_tickets (id, address, request, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)
