INSERT INTO blob_pieces (sha256, seq, content) VALUES ($1, $2, $3)
