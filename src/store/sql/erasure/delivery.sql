-- Its receiver's answer may quote it.
UPDATE webhook_deliveries SET body = $2, exchange = NULL WHERE id = $1
