INSERT INTO suppressions (id, address, reason, outbox_id, note, expires_at, created_at, updated_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 1)
ON CONFLICT (address) DO UPDATE
SET reason = excluded.reason, outbox_id = excluded.outbox_id, note = excluded.note,
    expires_at = excluded.expires_at, updated_at = excluded.updated_at, version = suppressions.version + 1
