SELECT DISTINCT blob_sha256 FROM attachments WHERE ticket_id = $1 AND blob_sha256 IS NOT NULL ORDER BY blob_sha256
