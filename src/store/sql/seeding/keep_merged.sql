DELETE FROM seed_rows
WHERE kind = 'ticket'
  AND id IN (SELECT merged_into_id FROM tickets
             WHERE merged_into_id IS NOT NULL AND id NOT IN (SELECT id FROM seed_rows WHERE kind = 'ticket'))
