DELETE FROM seed_rows
WHERE NOT (kind = 'contact' AND EXISTS (SELECT 1 FROM contacts WHERE contacts.id = seed_rows.id))
  AND NOT (kind = 'agent' AND EXISTS (SELECT 1 FROM agents WHERE agents.id = seed_rows.id))
