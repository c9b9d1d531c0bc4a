UPDATE mailboxes
SET from_name = $2, signature = $3, receive = $4, default_category = $5, team_id = $6, store_id = $7, locale = $8,
    is_active = $9, updated_at = $10, version = $11
WHERE id = $1
