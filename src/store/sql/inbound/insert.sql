INSERT INTO inbound_mails (id, received_at, via, remote_ip, reverse_path, recipients, message_id, dedupe_key,
                           from_address, from_name, subject, size, sha256, kind, action, reason, detail, ticket_id,
                           ticket_number, response_id, duplicate_of, in_reply_to, refs, placement_by,
                           placement_reason, flags, authentication, bounces, defects, released_at, released_by,
                           received_header, raw)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
        $25, $26, $27, $28, $29, $30, $31, $32, $33)
