INSERT INTO desk_events (id, at, type, ticket_id, body)
SELECT (event ->> 'id')::uuid, $2, event ->> 'type', (event ->> 'ticket_id')::uuid, event ->> 'body'
FROM json_array_elements($1::json) AS event
