-- Held until the transaction ends, so that a second call is told to wait instead of waiting.
SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))
