SELECT seq FROM blob_pieces WHERE sha256 = $1 AND seq = 0
