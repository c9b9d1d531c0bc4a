INSERT INTO soft_bounces (address, outbox_id, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
