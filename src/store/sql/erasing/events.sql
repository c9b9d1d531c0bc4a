-- What was written is gone from the trail, too; that it was changed, when and by whom stays.
UPDATE ticket_events SET changes = '{}'
WHERE ticket_id = $1 AND type IN ('subject_changed', 'cc_changed', 'custom_fields_changed', 'details_changed')
