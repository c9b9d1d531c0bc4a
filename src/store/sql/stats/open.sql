SELECT status, COUNT(*) FROM tickets
WHERE status IN ('open', 'in_progress', 'waiting_customer', 'waiting_third_party')
  AND is_spam = FALSE AND deleted_at IS NULL
GROUP BY status
