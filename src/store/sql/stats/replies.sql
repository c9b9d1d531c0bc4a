SELECT seq, id, ticket_id, created_at, author_id, deleted_at FROM responses
WHERE seq > $1 AND seq <= $2 AND author_type = 'agent' AND visibility = 'public'
