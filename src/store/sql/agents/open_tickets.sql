SELECT id FROM tickets
WHERE assignee_id = $1 AND status NOT IN ('resolved', 'closed') AND deleted_at IS NULL
ORDER BY id
