UPDATE responses SET quoted_text = '', full_text = NULL, version = version + 1
WHERE ticket_id = $1 AND (quoted_text <> '' OR full_text IS NOT NULL)
