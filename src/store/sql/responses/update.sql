UPDATE responses SET visibility = $2, to_addresses = $3, cc = $4, flags = $5, created_at = $6, version = $7 WHERE id = $1
