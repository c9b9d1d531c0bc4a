INSERT INTO attachments (id, ticket_id, response_id, inbound_mail_id, position, blob_sha256, filename, content_type,
                         size, sha256, is_inline, content_id, scan, created_at, expires_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
