DELETE FROM jobs WHERE next_at IS NULL AND updated_at < $1
