INSERT INTO jobs (id, kind, state, done, total, errors, result, request, position, owner_id, next_at, lease,
                  created_at, updated_at, version)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
