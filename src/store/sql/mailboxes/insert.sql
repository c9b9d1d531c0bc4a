INSERT INTO mailboxes (id, address, from_name, signature, receive, default_category, team_id, store_id, locale,
                       is_active, last_received_at, last_error, created_at, updated_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (address) DO NOTHING
