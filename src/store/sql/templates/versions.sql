SELECT * FROM template_versions WHERE template_id = $1 ORDER BY version DESC
