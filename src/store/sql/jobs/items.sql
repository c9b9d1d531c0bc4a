SELECT item FROM job_items WHERE job_id = $1 ORDER BY seq
