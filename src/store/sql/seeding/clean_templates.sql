DELETE FROM templates WHERE id IN (SELECT id FROM seed_rows WHERE kind = 'template')
