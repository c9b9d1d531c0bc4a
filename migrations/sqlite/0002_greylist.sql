-- Who tried to bring mail, from which network, to whom (smtp.greylist_minutes).
CREATE TABLE greylist (
  key      BLOB PRIMARY KEY, -- SHA-256 of network, sender and recipient
  first_at INTEGER NOT NULL, -- unix ms
  seen_at  INTEGER NOT NULL,
  passed   BOOLEAN NOT NULL
) WITHOUT ROWID;
CREATE INDEX greylist_seen ON greylist (seen_at);
