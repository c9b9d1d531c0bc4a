UPDATE outbox
SET status = $2, attempts = $3, next_attempt_at = $4, ready = FALSE, lease = $5, remote = $6, tls = $7,
    smtp_code = $8, enhanced_code = $9, smtp_response = $10, error = $11, sent_at = $12, delivered_at = $13,
    bounced_at = $14, give_up_at = $15, released = $16, changed_at = $17
WHERE id = $1
