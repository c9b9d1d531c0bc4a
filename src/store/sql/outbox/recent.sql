-- What an address got of late. Answers are what a mail of theirs set off.
SELECT COUNT(*) FILTER (WHERE answers AND queued_at > $4) AS answers_hour,
       COUNT(*) FILTER (WHERE answers AND queued_at > $3) AS answers_day,
       COUNT(*) FILTER (WHERE queued_at > $3) AS automatic_day,
       COUNT(*) FILTER (WHERE answers AND unattended) AS unattended,
       MAX(CASE WHEN answers THEN queued_at END) AS last_answer,
       COUNT(*) FILTER (WHERE template = 'rate_limited_notice' AND queued_at > $3) AS notices_day,
       EXISTS (SELECT 1 FROM suppressions WHERE address = $1 AND (expires_at IS NULL OR expires_at > $5)) AS suppressed
FROM (SELECT outbox.template, outbox.queued_at,
             outbox.template IN ('ticket_received', 'ticket_received_neutral', 'message_received') AS answers,
             COALESCE(tickets.last_agent_message_at, 0) < outbox.queued_at AS unattended
      FROM outbox LEFT JOIN tickets ON tickets.id = outbox.ticket_id
      WHERE outbox.to_address = $1 AND outbox.queued_at > $2 AND outbox.automatic) AS recent
