INSERT INTO attachments (id, ticket_id, response_id, inbound_mail_id, position, blob_sha256, filename, content_type,
                         size, sha256, is_inline, content_id, scan, owner_id, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT (id) DO UPDATE SET ticket_id = EXCLUDED.ticket_id, response_id = EXCLUDED.response_id,
  position = EXCLUDED.position, is_inline = EXCLUDED.is_inline, expires_at = EXCLUDED.expires_at
WHERE attachments.ticket_id IS NULL AND attachments.expires_at IS NOT NULL AND attachments.blob_sha256 IS NOT NULL
