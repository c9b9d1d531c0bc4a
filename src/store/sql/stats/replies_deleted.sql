SELECT seq, id, ticket_id, created_at, author_id, deleted_at FROM responses
WHERE deleted_at >= $1 AND author_type = 'agent' AND visibility = 'public'
