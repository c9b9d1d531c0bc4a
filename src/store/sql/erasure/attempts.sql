UPDATE delivery_attempts SET remote = NULL, smtp_response = NULL, error = NULL WHERE outbox_id = $1
