INSERT INTO job_items (job_id, seq, item) SELECT $1, key, value FROM json_each($2)
