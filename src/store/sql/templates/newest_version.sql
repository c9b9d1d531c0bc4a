SELECT COALESCE(MAX(version), 0) FROM template_versions WHERE template_id = $1
