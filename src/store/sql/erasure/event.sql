UPDATE desk_events SET body = $2 WHERE seq = $1
