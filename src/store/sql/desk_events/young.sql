SELECT seq FROM desk_events WHERE at >= $1 ORDER BY seq LIMIT 1
