SELECT seq, body FROM desk_events WHERE body LIKE $1
