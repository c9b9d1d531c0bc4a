INSERT INTO delivery_attempts (id, outbox_id, at, duration_ms, outcome, remote, tls, smtp_code, enhanced_code,
                               smtp_response, error)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
