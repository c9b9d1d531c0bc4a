INSERT INTO blobs (sha256, size, created_at) VALUES ($1, $2, $3)
ON CONFLICT (sha256) DO UPDATE SET size = EXCLUDED.size
