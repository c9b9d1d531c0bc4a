SELECT COUNT(*) FROM template_versions WHERE template_id = $1
