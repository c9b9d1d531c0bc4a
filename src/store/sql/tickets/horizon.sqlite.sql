SELECT COALESCE(MAX(changed), 0) + 1, '' FROM tickets
