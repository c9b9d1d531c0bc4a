SELECT COUNT(*) FROM (SELECT 1 FROM contact_words WHERE word >= $1 AND word < $2 LIMIT $3) AS probe
