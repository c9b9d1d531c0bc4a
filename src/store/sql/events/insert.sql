INSERT INTO ticket_events (id, ticket_id, at, type, actor_type, actor_id, actor_name, channel, changes, response_id,
                           inbound_mail_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
