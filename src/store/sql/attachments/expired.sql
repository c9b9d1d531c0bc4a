SELECT * FROM attachments WHERE expires_at <= $1 AND blob_sha256 IS NOT NULL ORDER BY expires_at LIMIT $2
