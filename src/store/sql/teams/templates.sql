SELECT COUNT(*) FROM templates WHERE team_id = $1
