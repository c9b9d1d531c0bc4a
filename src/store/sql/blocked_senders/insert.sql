INSERT INTO blocked_senders (address, ticket_id, created_at) VALUES ($1, $2, $3) ON CONFLICT (address) DO NOTHING
