UPDATE ticket_events
SET actor_name = CASE WHEN actor_id = $2 THEN NULL ELSE actor_name END,
    changes = CASE WHEN type = 'cc_changed' THEN '{}' ELSE changes END
WHERE ticket_id = $1
