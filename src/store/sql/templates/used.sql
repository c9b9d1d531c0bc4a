UPDATE templates SET usage_count = usage_count + 1, last_used_at = $2 WHERE id = $1
