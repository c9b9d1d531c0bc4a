INSERT INTO suppressions (address, reason, outbox_id, note, expires_at, created_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (address) DO UPDATE
SET reason = excluded.reason, outbox_id = excluded.outbox_id, note = excluded.note,
    expires_at = excluded.expires_at, created_at = excluded.created_at
