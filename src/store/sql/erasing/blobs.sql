DELETE FROM blobs
WHERE sha256 IN (SELECT blob_sha256 FROM attachments WHERE ticket_id = $1)
  AND NOT EXISTS (SELECT 1 FROM attachments a
                  WHERE a.blob_sha256 = blobs.sha256 AND (a.ticket_id IS NULL OR a.ticket_id <> $1))
