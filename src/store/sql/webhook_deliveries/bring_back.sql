UPDATE webhook_deliveries SET next_attempt_at = $1, lease = NULL
WHERE webhook_id IN (SELECT id FROM webhooks) AND next_attempt_at > $2
