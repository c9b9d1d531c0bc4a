UPDATE attachments SET blob_sha256 = NULL WHERE id = $1 AND expires_at IS NOT NULL AND blob_sha256 IS NOT NULL
