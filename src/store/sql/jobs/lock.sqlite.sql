-- The one writer is lock enough.
SELECT * FROM jobs WHERE id = $1
