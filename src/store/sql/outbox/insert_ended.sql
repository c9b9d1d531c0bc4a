INSERT INTO outbox (id, ticket_id, response_id, template, template_version, locale, audience, automatic, verified,
                    from_address, to_address, domain, to_name, subject, message_id, envelope_from, context, status,
                    priority, attempts, ready, released, give_up_at, remote, tls, smtp_code, enhanced_code,
                    smtp_response, error, size, queued_at, sent_at, delivered_at, bounced_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
        $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35)
