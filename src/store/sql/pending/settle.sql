UPDATE pending_tickets SET request = NULL WHERE id = $1 AND request IS NOT NULL
