-- One more call of $1 at $2, which takes $3 out of a bucket that holds $4: counted for all nodes by one row. A bucket that
-- is full only beyond $5 is from a time when the clock was wrong.
INSERT INTO call_counts (key, full_at, passed) VALUES ($1, CAST($2 AS BIGINT) + $3, TRUE)
ON CONFLICT (key) DO UPDATE SET (full_at, passed) = (
  SELECT CASE WHEN bucket.at + $3 <= $2 + $4 THEN bucket.at + $3 ELSE bucket.at END, bucket.at + $3 <= $2 + $4
  FROM (SELECT GREATEST(CASE WHEN call_counts.full_at > $5 THEN 0 ELSE call_counts.full_at END, $2) AS at) AS bucket)
RETURNING full_at, passed
