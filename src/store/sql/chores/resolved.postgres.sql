SELECT * FROM tickets WHERE status = 'resolved' AND resolved_at <= $1 AND deleted_at IS NULL
ORDER BY resolved_at LIMIT $2 FOR UPDATE SKIP LOCKED
