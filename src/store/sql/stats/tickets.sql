SELECT id, status, priority, category, channel, assignee_id, team_id, store_id, seller_id, tags, is_spam, deleted_at, created_at,
       first_response_at, resolved_at, reopened_at
FROM tickets
WHERE id > $1 ORDER BY id LIMIT $2
