WITH RECURSIVE turns (domain, hop) AS (
  SELECT (SELECT domain FROM outbox WHERE ready AND priority = $1 AND domain > $2 ORDER BY domain LIMIT 1), 1
  UNION ALL
  SELECT (SELECT waiting.domain FROM outbox AS waiting
          WHERE waiting.ready AND waiting.priority = $1 AND waiting.domain > turns.domain
          ORDER BY waiting.domain LIMIT 1), hop + 1
  FROM turns WHERE turns.domain IS NOT NULL AND hop < $3
)
SELECT domain FROM turns WHERE domain IS NOT NULL
