UPDATE responses
SET body_text = '', body_html = NULL, quoted_text = '', full_text = NULL, to_addresses = '[]', cc = '[]', bcc = '[]',
    author_name = NULL, author_email = NULL, message_id = NULL, in_reply_to = NULL, refs = '[]', placement_reason = '',
    version = version + 1
WHERE id = $1
