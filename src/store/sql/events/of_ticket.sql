SELECT * FROM ticket_events WHERE ticket_id = $1 ORDER BY id
