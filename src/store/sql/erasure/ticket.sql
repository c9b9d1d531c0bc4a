UPDATE tickets
SET requester_email = '', user_id = NULL, order_id = NULL, external_id = NULL, external_scope = NULL,
    seller_id = CASE WHEN requester_type = 'seller' THEN NULL ELSE seller_id END
WHERE id = $1
