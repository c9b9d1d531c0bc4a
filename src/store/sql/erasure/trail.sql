UPDATE ticket_events
SET actor_name = CASE WHEN actor_type IN ('customer', 'seller') THEN NULL ELSE actor_name END,
    changes = CASE WHEN type IN ('requester_changed', 'cc_changed') THEN '{}' ELSE changes END
WHERE ticket_id = $1
