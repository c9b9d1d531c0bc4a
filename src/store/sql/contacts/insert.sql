INSERT INTO contacts (id, type, name, phone, locale, timezone, user_id, seller_id, store_id, notes, custom_fields,
                      created_at, updated_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
