DELETE FROM job_items WHERE job_id IN (SELECT id FROM jobs WHERE next_at IS NULL AND updated_at < $1)
