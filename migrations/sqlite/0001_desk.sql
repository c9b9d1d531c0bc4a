-- Everything the desk keeps. Ids are UUIDv7, times are unix milliseconds, JSON is text. Tables of small rows have no
-- rowid: one tree less to write to for each row.

CREATE TABLE mailboxes (
  id               BLOB PRIMARY KEY,
  address          TEXT NOT NULL UNIQUE, -- lower case
  from_name        TEXT,
  signature        TEXT,
  receive          TEXT NOT NULL,
  default_category TEXT NOT NULL,
  team_id          BLOB,
  store_id         TEXT,
  locale           TEXT,
  is_active        BOOLEAN NOT NULL,
  last_received_at INTEGER, -- to the minute or so
  last_error       TEXT,
  created_at       INTEGER NOT NULL,
  updated_at       INTEGER NOT NULL,
  version          INTEGER NOT NULL
);

CREATE TABLE agents (
  id            BLOB PRIMARY KEY,
  name          TEXT NOT NULL,
  email         TEXT NOT NULL UNIQUE, -- lower case
  role          TEXT NOT NULL,
  signature     TEXT,
  locale        TEXT,
  timezone      TEXT,
  notifications TEXT NOT NULL, -- JSON object: what they wish to be told
  is_active     BOOLEAN NOT NULL,
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL,
  version       INTEGER NOT NULL
);

-- Further addresses an agent writes from.
CREATE TABLE agent_emails (
  address  TEXT PRIMARY KEY, -- lower case
  agent_id BLOB NOT NULL REFERENCES agents (id)
);

CREATE TABLE api_tokens (
  id              BLOB PRIMARY KEY,
  name            TEXT NOT NULL,
  prefix          TEXT NOT NULL,
  secret_hash     TEXT NOT NULL UNIQUE, -- SHA-256, hex
  old_secret_hash TEXT UNIQUE, -- of the secret before it was rotated,
  old_until       INTEGER, -- and until when it works
  agent_id        BLOB REFERENCES agents (id),
  scopes          TEXT NOT NULL, -- separated by a space
  expires_at      INTEGER,
  revoked_at      INTEGER,
  last_used_at    INTEGER,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL,
  version         INTEGER NOT NULL
);

CREATE TABLE contacts (
  id            BLOB PRIMARY KEY,
  type          TEXT NOT NULL,
  name          TEXT,
  phone         TEXT,
  locale        TEXT,
  timezone      TEXT,
  user_id       TEXT,
  seller_id     TEXT,
  store_id      TEXT,
  notes         TEXT,
  custom_fields TEXT NOT NULL, -- JSON object
  created_at    INTEGER NOT NULL,
  updated_at    INTEGER NOT NULL,
  version       INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX contacts_user ON contacts (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX contacts_seller ON contacts (seller_id, id) WHERE seller_id IS NOT NULL;
CREATE INDEX contacts_store ON contacts (store_id, id) WHERE store_id IS NOT NULL;
CREATE INDEX contacts_type ON contacts (type, id);

CREATE TABLE contact_emails (
  address    TEXT PRIMARY KEY, -- lower case
  contact_id BLOB NOT NULL REFERENCES contacts (id),
  verified   BOOLEAN NOT NULL,
  is_primary BOOLEAN NOT NULL
) WITHOUT ROWID;
CREATE INDEX contact_emails_contact ON contact_emails (contact_id);

-- The folded words of a contact's name, phone and addresses: people are looked for by how their words begin.
CREATE TABLE contact_words (
  contact_id BLOB NOT NULL REFERENCES contacts (id),
  word       TEXT NOT NULL,
  PRIMARY KEY (contact_id, word)
) WITHOUT ROWID;
CREATE INDEX contact_words_word ON contact_words (word, contact_id);

CREATE TABLE tickets (
  id                       BLOB PRIMARY KEY,
  number                   TEXT NOT NULL UNIQUE,
  subject                  TEXT NOT NULL,
  mail_subject             TEXT NOT NULL, -- fixed for life, without Re:
  preview                  TEXT NOT NULL,
  status                   TEXT NOT NULL,
  priority                 TEXT NOT NULL,
  category                 TEXT NOT NULL,
  channel                  TEXT NOT NULL,
  mailbox_id               BLOB REFERENCES mailboxes (id),
  requester_id             BLOB NOT NULL REFERENCES contacts (id),
  requester_type           TEXT NOT NULL,
  requester_email          TEXT NOT NULL, -- the address this ticket is answered to, lower case; may be empty
  assignee_id              BLOB REFERENCES agents (id),
  team_id                  BLOB,
  user_id                  TEXT,
  seller_id                TEXT,
  store_id                 TEXT,
  order_id                 TEXT,
  external_id              TEXT,
  external_scope           TEXT, -- the token that named external_id
  locale                   TEXT,
  cc                       TEXT NOT NULL, -- JSON list of addresses
  tags                     TEXT NOT NULL, -- JSON list of words
  custom_fields            TEXT NOT NULL, -- JSON object
  metadata                 TEXT NOT NULL, -- JSON object
  response_count           INTEGER NOT NULL,
  attachment_count         INTEGER NOT NULL,
  resolution               TEXT,
  is_spam                  BOOLEAN NOT NULL,
  deleted_at               INTEGER,
  merged_into_id           BLOB,
  follow_up_of_id          BLOB,
  related_to_id            BLOB,
  waiting_since            INTEGER,
  snoozed_until            INTEGER,
  reminded_at              INTEGER,
  first_response_at        INTEGER,
  last_customer_message_at INTEGER,
  last_agent_message_at    INTEGER,
  resolved_at              INTEGER,
  reopened_at              INTEGER, -- the last time
  closed_at                INTEGER,
  created_at               INTEGER NOT NULL,
  updated_at               INTEGER NOT NULL,
  version                  INTEGER NOT NULL,
  changed                  INTEGER NOT NULL -- counts changes of tickets: larger with each
);
-- Lists walk these in their order; each ends in the id, so that the order is total.
CREATE INDEX tickets_updated ON tickets (updated_at, id);
CREATE INDEX tickets_created ON tickets (created_at, id);
CREATE INDEX tickets_asked ON tickets (last_customer_message_at, id);
CREATE INDEX tickets_turn ON tickets (waiting_since, id) WHERE waiting_since IS NOT NULL;
CREATE INDEX tickets_changed ON tickets (changed, id);
-- And these find the few rows of a filter.
CREATE INDEX tickets_status ON tickets (status, updated_at, id);
CREATE INDEX tickets_kind ON tickets (category, priority);
CREATE INDEX tickets_channel ON tickets (channel) WHERE channel <> 'email';
CREATE INDEX tickets_spam ON tickets (updated_at, id) WHERE is_spam;
CREATE INDEX tickets_follow_up ON tickets (follow_up_of_id) WHERE follow_up_of_id IS NOT NULL;
CREATE INDEX tickets_related ON tickets (related_to_id) WHERE related_to_id IS NOT NULL;
CREATE INDEX tickets_files ON tickets (id) WHERE attachment_count > 0;
CREATE INDEX tickets_assignee ON tickets (assignee_id, updated_at, id) WHERE assignee_id IS NOT NULL;
CREATE INDEX tickets_team ON tickets (team_id) WHERE team_id IS NOT NULL;
CREATE INDEX tickets_copied ON tickets (id) WHERE cc <> '[]';
CREATE INDEX tickets_requester ON tickets (requester_id);
CREATE INDEX tickets_user ON tickets (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX tickets_seller ON tickets (seller_id) WHERE seller_id IS NOT NULL;
CREATE INDEX tickets_store ON tickets (store_id, updated_at, id) WHERE store_id IS NOT NULL;
CREATE INDEX tickets_order ON tickets (order_id) WHERE order_id IS NOT NULL;
CREATE UNIQUE INDEX tickets_external ON tickets (external_id, external_scope) WHERE external_id IS NOT NULL;
-- What falls due by time: few rows each, so that looking for them costs nothing.
CREATE INDEX tickets_resolved ON tickets (resolved_at) WHERE status = 'resolved';
CREATE INDEX tickets_snoozed ON tickets (snoozed_until) WHERE snoozed_until IS NOT NULL;
CREATE INDEX tickets_waiting ON tickets (waiting_since) WHERE status = 'waiting_customer' AND reminded_at IS NULL;

-- The words of tickets.tags, one a row; kept up by the database itself.
CREATE TABLE ticket_tags (
  tag       TEXT NOT NULL,
  ticket_id BLOB NOT NULL,
  PRIMARY KEY (tag, ticket_id)
) WITHOUT ROWID;
CREATE TRIGGER tickets_tagged AFTER INSERT ON tickets WHEN NEW.tags <> '[]' BEGIN
  INSERT OR IGNORE INTO ticket_tags (tag, ticket_id) SELECT value, NEW.id FROM json_each(NEW.tags);
END;
CREATE TRIGGER tickets_retagged AFTER UPDATE OF tags ON tickets WHEN NEW.tags <> OLD.tags BEGIN
  DELETE FROM ticket_tags WHERE ticket_id = OLD.id AND tag IN (SELECT value FROM json_each(OLD.tags));
  INSERT OR IGNORE INTO ticket_tags (tag, ticket_id) SELECT value, NEW.id FROM json_each(NEW.tags);
END;
CREATE TRIGGER tickets_untagged AFTER DELETE ON tickets WHEN OLD.tags <> '[]' BEGIN
  DELETE FROM ticket_tags WHERE ticket_id = OLD.id AND tag IN (SELECT value FROM json_each(OLD.tags));
END;

-- Every mail ever accepted. The raw bytes (the first of them, when there are many) come last, so that lists don't
-- read them.
CREATE TABLE inbound_mails (
  id               BLOB PRIMARY KEY,
  received_at      INTEGER NOT NULL,
  via              TEXT NOT NULL,
  remote_ip        TEXT,
  reverse_path     TEXT NOT NULL, -- empty for <>
  recipients       TEXT NOT NULL, -- JSON list
  message_id       TEXT, -- without brackets
  dedupe_key       TEXT UNIQUE, -- Message-ID, envelope and content; null without the first, and on the second of two equal mails
  from_address     TEXT NOT NULL,
  from_name        TEXT,
  subject          TEXT NOT NULL,
  size             INTEGER NOT NULL,
  sha256           TEXT NOT NULL,
  kind             TEXT NOT NULL,
  action           TEXT NOT NULL,
  reason           TEXT NOT NULL,
  detail           TEXT NOT NULL,
  ticket_id        BLOB,
  ticket_number    TEXT,
  response_id      BLOB,
  duplicate_of     BLOB,
  in_reply_to      TEXT,
  refs             TEXT NOT NULL, -- JSON list, without brackets
  placement_by     TEXT,
  placement_reason TEXT,
  flags            TEXT NOT NULL, -- JSON list
  authentication   TEXT NOT NULL, -- JSON object
  bounces          TEXT NOT NULL, -- JSON list
  defects          TEXT NOT NULL, -- JSON list
  released_at      INTEGER,
  released_by      TEXT,
  received_header  TEXT NOT NULL,
  raw              BLOB NOT NULL
);
-- What a large mail has beyond inbound_mails.raw: in pieces, so that no statement holds it whole.
CREATE TABLE inbound_chunks (
  inbound_mail_id BLOB NOT NULL REFERENCES inbound_mails (id),
  seq             INTEGER NOT NULL, -- from 1
  content         BLOB NOT NULL,
  PRIMARY KEY (inbound_mail_id, seq)
);
CREATE INDEX inbound_mails_message ON inbound_mails (message_id, id);
CREATE INDEX inbound_mails_from ON inbound_mails (LOWER(from_address), id);
CREATE INDEX inbound_mails_action ON inbound_mails (action, id);
CREATE INDEX inbound_mails_kind ON inbound_mails (kind, id) WHERE kind <> 'person';
CREATE INDEX inbound_mails_released ON inbound_mails (released_at) WHERE released_at IS NOT NULL;
CREATE INDEX inbound_mails_ticket ON inbound_mails (ticket_id, id) WHERE ticket_id IS NOT NULL;

CREATE TABLE responses (
  seq              INTEGER PRIMARY KEY AUTOINCREMENT, -- in the order they were stored; never used twice
  id               BLOB NOT NULL UNIQUE,
  ticket_id        BLOB NOT NULL REFERENCES tickets (id),
  visibility       TEXT NOT NULL,
  channel          TEXT NOT NULL,
  author_type      TEXT NOT NULL,
  author_id        BLOB,
  author_name      TEXT,
  author_email     TEXT,
  body_format      TEXT NOT NULL,
  body_text        TEXT NOT NULL,
  body_html        TEXT,
  quoted_text      TEXT NOT NULL,
  full_text        TEXT, -- null: the same as body_text
  to_addresses     TEXT NOT NULL, -- JSON list
  cc               TEXT NOT NULL, -- JSON list
  bcc              TEXT NOT NULL, -- JSON list
  message_id       TEXT, -- without brackets
  in_reply_to      TEXT,
  refs             TEXT NOT NULL, -- JSON list
  placement_by     TEXT NOT NULL,
  placement_reason TEXT NOT NULL,
  mail_kind        TEXT,
  flags            TEXT NOT NULL, -- JSON list
  inbound_mail_id  BLOB,
  authentication   TEXT, -- JSON object
  template_id      BLOB,
  send_at          INTEGER,
  created_at       INTEGER NOT NULL,
  edited_at        INTEGER,
  deleted_at       INTEGER,
  version          INTEGER NOT NULL
);
CREATE INDEX responses_ticket ON responses (ticket_id, created_at, id);

-- Replies taken back: few.
CREATE INDEX responses_deleted ON responses (deleted_at) WHERE deleted_at IS NOT NULL;

-- Files that were uploaded; files that came by mail stay in their mail.
CREATE TABLE blobs (
  sha256     TEXT PRIMARY KEY,
  size       INTEGER NOT NULL,
  created_at INTEGER NOT NULL
);
-- Their octets, in pieces of one length, so that no statement holds a file whole.
CREATE TABLE blob_pieces (
  sha256  TEXT NOT NULL REFERENCES blobs (sha256) ON DELETE CASCADE,
  seq     INTEGER NOT NULL, -- from 0
  content BLOB NOT NULL,
  PRIMARY KEY (sha256, seq)
);

CREATE TABLE attachments (
  id              BLOB PRIMARY KEY,
  ticket_id       BLOB,
  response_id     BLOB,
  inbound_mail_id BLOB, -- the mail it is part of,
  position        INTEGER, -- and its place in it, or among the response's uploads;
  blob_sha256     TEXT REFERENCES blobs (sha256), -- or the uploaded bytes
  filename        TEXT,
  content_type    TEXT NOT NULL,
  size            INTEGER NOT NULL,
  sha256          TEXT NOT NULL,
  is_inline       BOOLEAN NOT NULL,
  content_id      TEXT,
  scan            TEXT NOT NULL,
  owner_id        BLOB, -- the token that uploaded it, or the form it came with
  created_at      INTEGER NOT NULL,
  expires_at      INTEGER -- until it is used
);
CREATE INDEX attachments_response ON attachments (response_id);
CREATE INDEX attachments_ticket ON attachments (ticket_id);
CREATE INDEX attachments_blob ON attachments (blob_sha256) WHERE blob_sha256 IS NOT NULL;
-- Few rows each: what was uploaded and not used.
CREATE INDEX attachments_unused ON attachments (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX attachments_owner ON attachments (owner_id) WHERE expires_at IS NOT NULL;

-- Forms whose senders have yet to confirm their address. Their files are uploads that the form owns.
CREATE TABLE pending_tickets (
  id         BLOB PRIMARY KEY,
  address    TEXT NOT NULL, -- lower case
  request    TEXT, -- JSON object; null: it is a ticket now
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);
CREATE INDEX pending_tickets_expiry ON pending_tickets (expires_at);

-- Puzzles that forms have solved, so that each counts once.
CREATE TABLE spent_puzzles (
  challenge  TEXT PRIMARY KEY,
  expires_at INTEGER NOT NULL
);
CREATE INDEX spent_puzzles_expiry ON spent_puzzles (expires_at);

CREATE TABLE ticket_events (
  id              BLOB NOT NULL,
  ticket_id       BLOB NOT NULL REFERENCES tickets (id),
  at              INTEGER NOT NULL,
  type            TEXT NOT NULL,
  actor_type      TEXT NOT NULL,
  actor_id        BLOB,
  actor_name      TEXT,
  channel         TEXT NOT NULL,
  changes         TEXT NOT NULL, -- JSON object: field -> [from, to]
  response_id     BLOB,
  inbound_mail_id BLOB,
  PRIMARY KEY (ticket_id, id)
) WITHOUT ROWID;

-- Every mail that leaves, from before it is rendered until long after; the API calls a row an email log.
CREATE TABLE outbox (
  id               BLOB PRIMARY KEY,
  ticket_id        BLOB,
  response_id      BLOB,
  template         TEXT NOT NULL,
  template_version INTEGER,
  locale           TEXT NOT NULL,
  audience         TEXT NOT NULL, -- customer, agent, admin
  automatic        BOOLEAN NOT NULL, -- written by the machine: counts to the caps
  verified         BOOLEAN NOT NULL, -- the recipient's address is verified: caller-written text may be used
  from_address     TEXT NOT NULL,
  to_address       TEXT NOT NULL,
  domain           TEXT NOT NULL, -- of the recipient, lower case: takes turns with others
  to_name          TEXT,
  subject          TEXT NOT NULL,
  message_id       TEXT NOT NULL, -- without brackets; names the row's id, so it needs no index
  envelope_from    TEXT NOT NULL, -- empty for <>
  context          TEXT NOT NULL, -- JSON object: what the template needs besides the rows
  status           TEXT NOT NULL,
  priority         INTEGER NOT NULL, -- 0 before 1
  attempts         INTEGER NOT NULL,
  next_attempt_at  INTEGER, -- null: ended; while sending: when the lease ends
  ready            BOOLEAN NOT NULL, -- due, and not taken: waits for its turn only
  released         BOOLEAN NOT NULL, -- is sent really where mail is kept
  lease            TEXT, -- which worker has it
  give_up_at       INTEGER NOT NULL,
  remote           TEXT,
  tls              TEXT,
  smtp_code        INTEGER,
  enhanced_code    TEXT,
  smtp_response    TEXT,
  error            TEXT,
  size             INTEGER,
  queued_at        INTEGER NOT NULL,
  sent_at          INTEGER,
  delivered_at     INTEGER,
  bounced_at       INTEGER,
  created_at       INTEGER NOT NULL,
  changed_at       INTEGER, -- when status last changed; null: as it was made
  mime             BLOB -- fixed at the first try
);
CREATE INDEX outbox_turns ON outbox (priority, domain, next_attempt_at) WHERE ready;
CREATE INDEX outbox_later ON outbox (next_attempt_at) WHERE NOT ready AND next_attempt_at IS NOT NULL;
CREATE INDEX outbox_ticket ON outbox (ticket_id, id) WHERE ticket_id IS NOT NULL;
CREATE INDEX outbox_changed ON outbox (changed_at) WHERE changed_at IS NOT NULL;
CREATE INDEX outbox_recipient ON outbox (to_address, queued_at, id);
CREATE INDEX outbox_from ON outbox (LOWER(from_address), id);
-- What is rare among mails; one that is sent as most are never comes here.
CREATE INDEX outbox_status ON outbox (status, id) WHERE status NOT IN ('queued', 'sending', 'sent');
CREATE INDEX outbox_template ON outbox (template, id)
  WHERE template NOT IN ('ticket_received', 'ticket_reply', 'message_received');

CREATE TABLE delivery_attempts (
  id            BLOB NOT NULL,
  outbox_id     BLOB NOT NULL REFERENCES outbox (id),
  at            INTEGER NOT NULL,
  duration_ms   INTEGER NOT NULL,
  outcome       TEXT NOT NULL,
  remote        TEXT,
  tls           TEXT,
  smtp_code     INTEGER,
  enhanced_code TEXT,
  smtp_response TEXT,
  error         TEXT,
  PRIMARY KEY (outbox_id, id)
) WITHOUT ROWID;

CREATE TABLE suppressions (
  id         BLOB PRIMARY KEY,
  address    TEXT NOT NULL UNIQUE, -- lower case
  reason     TEXT NOT NULL,
  outbox_id  BLOB,
  note       TEXT,
  expires_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version    INTEGER NOT NULL
);

-- Whose mail is held back: somebody called a ticket of theirs spam.
CREATE TABLE blocked_senders (
  address    TEXT PRIMARY KEY, -- lower case
  ticket_id  BLOB NOT NULL,
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Mails that did not arrive though their address may be good; emptied when the address takes one.
CREATE TABLE soft_bounces (
  address   TEXT NOT NULL, -- lower case
  outbox_id BLOB NOT NULL,
  at        INTEGER NOT NULL,
  PRIMARY KEY (address, outbox_id)
) WITHOUT ROWID;

-- What agents answer with, and what replaces the words of notifications.
CREATE TABLE templates (
  id           BLOB PRIMARY KEY,
  type         TEXT NOT NULL, -- reply, notification
  key          TEXT NOT NULL,
  name         TEXT NOT NULL,
  category     TEXT,
  locale       TEXT NOT NULL, -- lower case, * for all languages
  subject      TEXT,
  body         TEXT NOT NULL, -- of a notification: its text part
  body_format  TEXT NOT NULL,
  body_html    TEXT, -- of a notification: its HTML part; null: made of the text
  visibility   TEXT NOT NULL,
  team_id      BLOB,
  is_active    BOOLEAN NOT NULL,
  usage_count  INTEGER NOT NULL,
  last_used_at INTEGER,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL,
  version      INTEGER NOT NULL
);
CREATE UNIQUE INDEX templates_name ON templates (type, name, locale);

-- Every save of a template. An override that is taken away keeps its own: mails in the log name them.
CREATE TABLE template_versions (
  template_id BLOB NOT NULL,
  version     INTEGER NOT NULL,
  name        TEXT NOT NULL,
  category    TEXT,
  locale      TEXT NOT NULL,
  subject     TEXT,
  body        TEXT NOT NULL,
  body_format TEXT NOT NULL,
  body_html   TEXT,
  is_active   BOOLEAN NOT NULL,
  author_id   BLOB,
  author_name TEXT,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (template_id, version)
);

CREATE TABLE idempotency_keys (
  scope      TEXT NOT NULL, -- the token's id, or the caller's address
  path       TEXT NOT NULL,
  key        TEXT NOT NULL,
  body_hash  TEXT NOT NULL,
  status     INTEGER NOT NULL,
  location   TEXT,
  body       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (scope, path, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

-- What the demo data consists of, so that it can be taken away again.
CREATE TABLE seed_rows (
  kind TEXT NOT NULL,
  id   BLOB NOT NULL,
  PRIMARY KEY (kind, id)
);

-- Small facts about the desk itself, such as how far the search index has come.
CREATE TABLE desk_facts (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

-- Teams

CREATE TABLE teams (
  id         BLOB PRIMARY KEY,
  name       TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version    INTEGER NOT NULL
);
CREATE UNIQUE INDEX teams_name ON teams (LOWER(name));

CREATE TABLE team_members (
  team_id  BLOB NOT NULL REFERENCES teams (id),
  agent_id BLOB NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  PRIMARY KEY (team_id, agent_id)
) WITHOUT ROWID;
CREATE INDEX team_members_agent ON team_members (agent_id);

-- Jobs: what takes longer than a request
CREATE TABLE jobs (
  id         BLOB PRIMARY KEY,
  kind       TEXT NOT NULL,
  state      TEXT NOT NULL, -- queued, running, done, failed, cancelled
  done       INTEGER NOT NULL,
  total      INTEGER, -- null: not known yet
  errors     TEXT NOT NULL, -- JSON list
  result     TEXT, -- JSON object, at the end
  request    TEXT NOT NULL, -- JSON object: what was asked for
  position   TEXT NOT NULL, -- JSON: where it goes on, as its kind has it
  owner_id   BLOB NOT NULL REFERENCES api_tokens (id),
  next_at    INTEGER, -- null: ended; while worked on: when the lease ends
  lease      TEXT, -- which worker has it
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  version    INTEGER NOT NULL
);
CREATE INDEX jobs_due ON jobs (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX jobs_ended ON jobs (updated_at) WHERE next_at IS NULL;

-- What a job goes through one by one.
CREATE TABLE job_items (
  job_id BLOB NOT NULL REFERENCES jobs (id),
  seq    INTEGER NOT NULL, -- from 0
  item   TEXT NOT NULL,
  PRIMARY KEY (job_id, seq)
) WITHOUT ROWID;

-- Events of the desk, for those who listen
CREATE TABLE desk_events (
  seq       INTEGER PRIMARY KEY AUTOINCREMENT, -- in the order they happened; never used twice
  id        BLOB NOT NULL,
  at        INTEGER NOT NULL,
  type      TEXT NOT NULL,
  ticket_id BLOB,
  body      TEXT NOT NULL, -- JSON object: what listeners get, word for word
  waits     BOOLEAN NOT NULL -- to be handed to the webhooks there were; never where there is none
);
CREATE INDEX desk_events_waiting ON desk_events (seq) WHERE waits;

-- Webhooks
CREATE TABLE webhooks (
  id               BLOB PRIMARY KEY,
  url              TEXT NOT NULL,
  events           TEXT NOT NULL, -- JSON list of types and globs
  description      TEXT,
  filter           TEXT, -- a search of tickets
  is_active        BOOLEAN NOT NULL,
  failing_since    INTEGER,
  secret           TEXT NOT NULL, -- as it is: whoever signs must know it
  old_secret       TEXT, -- signs too,
  old_secret_until INTEGER, -- until then
  created_at       INTEGER NOT NULL,
  updated_at       INTEGER NOT NULL,
  version          INTEGER NOT NULL
);

-- One event on its way to one webhook. The body is the event's, which may be gone before.
CREATE TABLE webhook_deliveries (
  id              BLOB PRIMARY KEY,
  webhook_id      BLOB NOT NULL REFERENCES webhooks (id),
  event_id        BLOB NOT NULL,
  type            TEXT NOT NULL,
  body            TEXT NOT NULL,
  state           TEXT NOT NULL, -- pending, retrying, delivered, failed
  attempts        INTEGER NOT NULL,
  next_attempt_at INTEGER, -- null: ended; while on the wire: when the lease ends
  lease           TEXT, -- which worker has it
  status_code     INTEGER,
  duration_ms     INTEGER,
  error           TEXT,
  exchange        TEXT, -- JSON: what was said at the last try
  created_at      INTEGER NOT NULL
);
CREATE UNIQUE INDEX webhook_deliveries_event ON webhook_deliveries (webhook_id, event_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_newest ON webhook_deliveries (webhook_id, id);

-- Counting callers: in memory, as one process alone has the database

-- Filled behind the ledger by the indexer, never in the transaction that takes a mail. A row has the place of its
-- response (responses.seq); the text itself is not kept a second time.
CREATE VIRTUAL TABLE search USING fts5 (
  response_id UNINDEXED, ticket_id UNINDEXED, text,
  content = '', contentless_delete = 1, contentless_unindexed = 1, tokenize = 'unicode61 remove_diacritics 2'
);
