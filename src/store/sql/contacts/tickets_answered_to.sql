SELECT id FROM tickets
WHERE requester_id = $1 AND requester_email = $2 AND status NOT IN ('resolved', 'closed') AND deleted_at IS NULL
ORDER BY id
