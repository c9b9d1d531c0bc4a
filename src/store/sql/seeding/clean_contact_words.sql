DELETE FROM contact_words
WHERE contact_id IN (SELECT id FROM seed_rows WHERE kind = 'contact')
  AND NOT EXISTS (SELECT 1 FROM tickets WHERE requester_id = contact_id)
