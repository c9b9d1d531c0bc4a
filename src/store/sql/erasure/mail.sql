-- That it came, when, how large it was and what became of it stays.
UPDATE inbound_mails
SET remote_ip = NULL, reverse_path = '', recipients = '[]', message_id = NULL, from_address = '', from_name = NULL,
    subject = '', detail = 'erased', in_reply_to = NULL, refs = '[]', placement_reason = NULL, bounces = '[]',
    defects = '[]', received_header = '', raw = $2
WHERE id = $1
