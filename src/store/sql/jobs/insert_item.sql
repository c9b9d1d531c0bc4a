INSERT INTO job_items (job_id, seq, item) VALUES ($1, $2, $3)
