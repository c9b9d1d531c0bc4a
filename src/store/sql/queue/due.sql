SELECT (EXISTS (SELECT 1 FROM outbox WHERE ready)
        OR EXISTS (SELECT 1 FROM outbox WHERE NOT ready AND next_attempt_at <= $1))
   AND NOT EXISTS (SELECT 1 FROM desk_facts WHERE name = $2)
