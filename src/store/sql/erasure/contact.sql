UPDATE contacts
SET name = NULL, phone = NULL, locale = NULL, timezone = NULL, user_id = NULL, seller_id = NULL, store_id = NULL,
    notes = NULL, custom_fields = '{}', updated_at = $2, version = version + 1
WHERE id = $1
