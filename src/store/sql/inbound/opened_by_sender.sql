-- The newest rows of a sender are enough: who passed the limit stays over it while they go on.
SELECT authentication
FROM (SELECT action, reason, authentication FROM inbound_mails
      WHERE LOWER(from_address) = $1 AND id > $2 ORDER BY id DESC LIMIT $3) AS newest
WHERE action = 'created' OR reason = 'sender_limit'
