SELECT authentication FROM inbound_mails
WHERE LOWER(from_address) = $1 AND received_at > $2 AND action = 'created'
ORDER BY id DESC LIMIT 1000
