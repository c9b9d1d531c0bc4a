SELECT blob_sha256 FROM attachments WHERE response_id = $1 AND blob_sha256 IS NOT NULL
