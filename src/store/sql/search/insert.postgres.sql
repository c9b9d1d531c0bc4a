-- $1 is a JSON list of documents.
INSERT INTO search (seq, response_id, ticket_id, document)
SELECT seq, response_id, ticket_id, to_tsvector('simple', text) || array_to_tsvector(marks)
FROM json_to_recordset($1::JSON) AS new (seq BIGINT, response_id UUID, ticket_id UUID, text TEXT, marks TEXT[])
ON CONFLICT (response_id) DO NOTHING
