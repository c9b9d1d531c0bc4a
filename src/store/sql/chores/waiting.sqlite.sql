SELECT * FROM tickets WHERE status = 'waiting_customer' AND reminded_at IS NULL AND waiting_since <= $1
  AND COALESCE(last_agent_message_at, 0) <= $1 AND deleted_at IS NULL
ORDER BY waiting_since LIMIT $2
