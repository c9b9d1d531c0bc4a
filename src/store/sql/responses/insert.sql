INSERT INTO responses (id, ticket_id, visibility, channel, author_type, author_id, author_name, author_email,
                       body_format, body_text, body_html, quoted_text, full_text, to_addresses, cc, bcc, message_id,
                       in_reply_to, refs, placement_by, placement_reason, mail_kind, flags, inbound_mail_id,
                       authentication, template_id, send_at, created_at, edited_at, deleted_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
        $25, $26, $27, $28, $29, $30, $31)
