SELECT id, ticket_id, response_id, template, template_version, locale, audience, automatic, verified, from_address, to_address,
       to_name, subject, message_id, envelope_from, context, status, priority, attempts, next_attempt_at, released, lease, give_up_at,
       remote, tls, smtp_code, enhanced_code, smtp_response, error, size, queued_at, sent_at, delivered_at, bounced_at,
       created_at
FROM outbox WHERE ticket_id = $1 AND to_address = $2 AND audience = 'agent' AND attempts > 0 ORDER BY id DESC LIMIT 1
