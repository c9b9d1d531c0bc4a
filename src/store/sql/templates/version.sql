SELECT * FROM template_versions WHERE template_id = $1 AND version = $2
