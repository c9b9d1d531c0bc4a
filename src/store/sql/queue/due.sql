SELECT ((SELECT domain FROM outbox WHERE ready AND priority = 0 ORDER BY domain LIMIT 1) IS NOT NULL
        OR (SELECT domain FROM outbox WHERE ready AND priority = 1 ORDER BY domain LIMIT 1) IS NOT NULL
        OR EXISTS (SELECT 1 FROM outbox WHERE NOT ready AND next_attempt_at <= $1))
   AND NOT EXISTS (SELECT 1 FROM desk_facts WHERE name = $2)
