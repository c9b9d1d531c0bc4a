-- One look into the index for each webhook, however many deliveries wait.
SELECT * FROM webhooks
WHERE EXISTS (SELECT 1 FROM webhook_deliveries d
              WHERE d.webhook_id = webhooks.id AND d.next_attempt_at <= $1)
ORDER BY id
