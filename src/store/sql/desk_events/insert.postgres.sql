INSERT INTO desk_events (id, at, type, ticket_id, body, waits)
SELECT (event ->> 'id')::uuid, $2, event ->> 'type', (event ->> 'ticket_id')::uuid, event ->> 'body',
       EXISTS (SELECT 1 FROM webhooks WHERE is_active)
FROM json_array_elements($1::json) AS event
