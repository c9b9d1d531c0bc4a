UPDATE mailboxes SET team_id = NULL, updated_at = $2, version = version + 1 WHERE team_id = $1
