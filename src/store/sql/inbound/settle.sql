UPDATE inbound_mails
SET action = $2, reason = $3, detail = $4, ticket_id = $5, ticket_number = $6, response_id = $7, placement_by = $8,
    placement_reason = $9, flags = $10, authentication = $11, released_at = $12, released_by = $13, kind = $15, bounces = $16
WHERE id = $1 AND action = $14
