UPDATE outbox SET mime = $2, size = $3, subject = $4, locale = $5, template_version = $6 WHERE id = $1 AND mime IS NULL
