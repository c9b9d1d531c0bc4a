DELETE FROM template_versions WHERE template_id IN (SELECT id FROM seed_rows WHERE kind = 'template')
