UPDATE outbox SET status = 'sending', lease = $1, next_attempt_at = $2, ready = FALSE
WHERE id = ANY (ARRAY (SELECT id FROM outbox WHERE ready AND priority = $3 AND domain = $4
             ORDER BY next_attempt_at LIMIT $5 FOR UPDATE SKIP LOCKED))
RETURNING id, ticket_id, response_id, template, template_version, locale, audience, automatic, verified, from_address, to_address,
       to_name, subject, message_id, envelope_from, context, status, priority, attempts, next_attempt_at, released, lease, give_up_at,
       remote, tls, smtp_code, enhanced_code, smtp_response, error, size, queued_at, sent_at, delivered_at, bounced_at,
       created_at
