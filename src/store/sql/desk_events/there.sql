SELECT seq FROM desk_events WHERE seq = $1
