-- `changed` is the transaction by default.
INSERT INTO tickets (id, number, subject, mail_subject, preview, status, priority, category, channel,
                     mailbox_id, requester_id, requester_type, requester_email, assignee_id, team_id, user_id,
                     seller_id, store_id, order_id, external_id, external_scope, locale, cc, tags, custom_fields,
                     metadata, response_count, attachment_count, resolution, is_spam, deleted_at, merged_into_id,
                     follow_up_of_id, related_to_id, waiting_since, snoozed_until, reminded_at,
                     first_response_at, last_customer_message_at, last_agent_message_at, resolved_at, reopened_at, closed_at, created_at, updated_at,
                     version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24,
        $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46)
