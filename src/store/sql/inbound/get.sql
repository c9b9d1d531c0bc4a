SELECT id, received_at, via, remote_ip, reverse_path, recipients, message_id, dedupe_key, from_address, from_name, subject,
       size, sha256, kind, action, reason, detail, ticket_id, ticket_number, response_id, duplicate_of, in_reply_to,
       refs, placement_by, placement_reason, flags, authentication, bounces, defects, released_at, released_by
FROM inbound_mails WHERE id = $1
