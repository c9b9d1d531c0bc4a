UPDATE responses
SET author_name = NULL, author_email = NULL, message_id = NULL, in_reply_to = NULL, refs = '[]', placement_reason = ''
WHERE ticket_id = $1 AND author_type IN ('customer', 'seller')
