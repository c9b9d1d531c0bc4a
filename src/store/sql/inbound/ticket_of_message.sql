-- The oldest mail of this id that is on a ticket: a later one may be a forgery.
SELECT ticket_id FROM inbound_mails WHERE message_id = $1 AND ticket_id IS NOT NULL AND action IN ('created', 'appended')
ORDER BY received_at, id LIMIT 1
