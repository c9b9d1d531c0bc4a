-- The newest one stays: it tells a listener who comes back after a quiet time that nothing was missed.
DELETE FROM desk_events
WHERE seq < COALESCE((SELECT seq FROM desk_events WHERE at >= $1 ORDER BY seq LIMIT 1),
                     (SELECT MAX(seq) FROM desk_events))
