INSERT OR REPLACE INTO search (rowid, response_id, ticket_id, text) VALUES ($1, $2, $3, $4)
