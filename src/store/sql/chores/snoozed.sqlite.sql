SELECT * FROM tickets WHERE snoozed_until <= $1
ORDER BY snoozed_until LIMIT $2
