SELECT ticket_id FROM (SELECT ticket_id FROM search WHERE document @@ websearch_to_tsquery('simple', $1) ORDER BY seq DESC LIMIT 10000) AS hits
