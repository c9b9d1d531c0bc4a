SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT), MIN(expires_at) FROM attachments
WHERE owner_id = $1 AND expires_at > $2
