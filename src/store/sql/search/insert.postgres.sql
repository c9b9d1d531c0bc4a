-- $1 keeps the numbering of the other engine: it is the same row's place in the ledger of responses.
INSERT INTO search (seq, response_id, ticket_id, document) VALUES ($1, $2, $3, to_tsvector('simple', $4))
ON CONFLICT (response_id) DO NOTHING
