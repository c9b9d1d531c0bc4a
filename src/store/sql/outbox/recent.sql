SELECT COUNT(*) FILTER (WHERE template IN ('ticket_received', 'ticket_received_neutral') AND queued_at > $3),
       COUNT(*) FILTER (WHERE template IN ('ticket_received', 'ticket_received_neutral')),
       COUNT(*),
       EXISTS (SELECT 1 FROM suppressions WHERE address = $1 AND (expires_at IS NULL OR expires_at > $4))
FROM outbox WHERE to_address = $1 AND queued_at > $2 AND automatic
