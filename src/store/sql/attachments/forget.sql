DELETE FROM attachments WHERE expires_at <= $1 AND blob_sha256 IS NULL
