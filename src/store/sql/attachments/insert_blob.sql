INSERT INTO blobs (sha256, created_at, content) VALUES ($1, $2, $3) ON CONFLICT (sha256) DO NOTHING
