SELECT number FROM tickets WHERE external_scope = $1 AND external_id = $2
