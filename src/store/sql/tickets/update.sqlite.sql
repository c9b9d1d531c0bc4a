-- Everything that may change; number, mail_subject, channel and created_at never do.
UPDATE tickets
SET subject = $2, status = $3, priority = $4, category = $5, requester_id = $6, requester_email = $7,
    assignee_id = $8, team_id = $9, user_id = $10, seller_id = $11, store_id = $12, order_id = $13, cc = $14,
    tags = $15, custom_fields = $16, response_count = $17, attachment_count = $18, resolution = $19, is_spam = $20,
    deleted_at = $21, merged_into_id = $22, waiting_since = $23, snoozed_until = $24, reminded_at = $25,
    first_response_at = $26, last_customer_message_at = $27, last_agent_message_at = $28, resolved_at = $29,
    reopened_at = $30, closed_at = $31, updated_at = $32, version = $33, requester_type = $34,
    changed = (SELECT MAX(changed) + 1 FROM tickets)
WHERE id = $1
