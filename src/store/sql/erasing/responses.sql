UPDATE responses
SET body_text = '', body_html = NULL, quoted_text = '', full_text = NULL, to_addresses = '[]', cc = '[]', bcc = '[]',
    version = version + 1
WHERE ticket_id = $1
