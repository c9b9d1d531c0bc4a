SELECT MAX(seq) FROM desk_events
