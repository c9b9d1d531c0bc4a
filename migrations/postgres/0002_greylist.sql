-- Who tried to bring mail, from which network, to whom (smtp.greylist_minutes).
CREATE TABLE greylist (
  key      BYTEA PRIMARY KEY, -- SHA-256 of network, sender and recipient
  first_at BIGINT NOT NULL, -- unix ms
  seen_at  BIGINT NOT NULL,
  passed   BOOLEAN NOT NULL
);
CREATE INDEX greylist_seen ON greylist (seen_at);
