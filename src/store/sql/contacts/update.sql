UPDATE contacts
SET type = $2, name = $3, phone = $4, locale = $5, timezone = $6, user_id = $7, seller_id = $8, store_id = $9, notes = $10,
    custom_fields = $11, updated_at = $12, version = $13
WHERE id = $1
