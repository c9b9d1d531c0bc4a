-- Webhooks may have events kept for long: listeners get those of the last twelve minutes before the newest.
SELECT seq FROM desk_events
WHERE seq = $1 AND at >= (SELECT at FROM desk_events ORDER BY seq DESC LIMIT 1) - 720000
