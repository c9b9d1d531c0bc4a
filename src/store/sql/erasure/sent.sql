UPDATE outbox
SET to_address = '', domain = '', to_name = NULL, subject = '', context = '{}', mime = NULL, remote = NULL,
    smtp_response = NULL, error = NULL, next_attempt_at = NULL, ready = FALSE,
    status = CASE WHEN status IN ('queued', 'deferred') THEN 'cancelled' ELSE status END, changed_at = $2
WHERE id = $1
