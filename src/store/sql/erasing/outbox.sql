UPDATE outbox SET subject = '', context = '{}', to_name = NULL, mime = NULL WHERE ticket_id = $1
