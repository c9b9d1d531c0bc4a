-- Everything the desk keeps. Ids are UUIDv7, times are unix milliseconds, JSON is text.

CREATE TABLE mailboxes (
  id               UUID PRIMARY KEY,
  address          TEXT NOT NULL UNIQUE, -- lower case
  from_name        TEXT,
  signature        TEXT,
  receive          TEXT NOT NULL,
  default_category TEXT NOT NULL,
  team_id          UUID,
  store_id         TEXT,
  locale           TEXT,
  is_active        BOOLEAN NOT NULL,
  last_received_at BIGINT, -- to the minute or so
  last_error       TEXT,
  created_at       BIGINT NOT NULL,
  updated_at       BIGINT NOT NULL,
  version          BIGINT NOT NULL
);

CREATE TABLE agents (
  id            UUID PRIMARY KEY,
  name          TEXT NOT NULL,
  email         TEXT NOT NULL UNIQUE, -- lower case
  role          TEXT NOT NULL,
  signature     TEXT,
  locale        TEXT,
  timezone      TEXT,
  notifications TEXT NOT NULL, -- JSON object: what they wish to be told
  is_active     BOOLEAN NOT NULL,
  created_at    BIGINT NOT NULL,
  updated_at    BIGINT NOT NULL,
  version       BIGINT NOT NULL
);

-- Further addresses an agent writes from.
CREATE TABLE agent_emails (
  address  TEXT PRIMARY KEY, -- lower case
  agent_id UUID NOT NULL REFERENCES agents (id)
);

CREATE TABLE api_tokens (
  id              UUID PRIMARY KEY,
  name            TEXT NOT NULL,
  prefix          TEXT NOT NULL,
  secret_hash     TEXT NOT NULL UNIQUE, -- SHA-256, hex
  old_secret_hash TEXT UNIQUE, -- of the secret before it was rotated,
  old_until       BIGINT, -- and until when it works
  agent_id        UUID REFERENCES agents (id),
  scopes          TEXT NOT NULL, -- separated by a space
  expires_at      BIGINT,
  revoked_at      BIGINT,
  last_used_at    BIGINT,
  created_at      BIGINT NOT NULL,
  updated_at      BIGINT NOT NULL,
  version         BIGINT NOT NULL
);

CREATE TABLE contacts (
  id            UUID PRIMARY KEY,
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
  created_at    BIGINT NOT NULL,
  updated_at    BIGINT NOT NULL,
  version       BIGINT NOT NULL
);
CREATE INDEX contacts_user ON contacts (user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX contacts_seller ON contacts (seller_id, id) WHERE seller_id IS NOT NULL;
CREATE INDEX contacts_store ON contacts (store_id, id) WHERE store_id IS NOT NULL;
CREATE INDEX contacts_type ON contacts (type, id);

CREATE TABLE contact_emails (
  address    TEXT PRIMARY KEY, -- lower case
  contact_id UUID NOT NULL REFERENCES contacts (id),
  verified   BOOLEAN NOT NULL,
  is_primary BOOLEAN NOT NULL
);
CREATE INDEX contact_emails_contact ON contact_emails (contact_id);

-- The folded words of a contact's name, phone and addresses: people are looked for by how their words begin.
CREATE TABLE contact_words (
  contact_id UUID NOT NULL REFERENCES contacts (id),
  word       TEXT COLLATE "C" NOT NULL,
  PRIMARY KEY (contact_id, word)
);
CREATE INDEX contact_words_word ON contact_words (word, contact_id);

CREATE TABLE tickets (
  id                       UUID PRIMARY KEY,
  number                   TEXT NOT NULL UNIQUE,
  subject                  TEXT NOT NULL,
  mail_subject             TEXT NOT NULL, -- fixed for life, without Re:
  preview                  TEXT NOT NULL,
  status                   TEXT NOT NULL,
  priority                 TEXT NOT NULL,
  category                 TEXT NOT NULL,
  channel                  TEXT NOT NULL,
  mailbox_id               UUID REFERENCES mailboxes (id),
  requester_id             UUID NOT NULL REFERENCES contacts (id),
  requester_type           TEXT NOT NULL,
  requester_email          TEXT NOT NULL, -- the address this ticket is answered to, lower case; may be empty
  assignee_id              UUID REFERENCES agents (id),
  team_id                  UUID,
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
  response_count           BIGINT NOT NULL,
  attachment_count         BIGINT NOT NULL,
  resolution               TEXT,
  is_spam                  BOOLEAN NOT NULL,
  deleted_at               BIGINT,
  merged_into_id           UUID,
  follow_up_of_id          UUID,
  related_to_id            UUID,
  waiting_since            BIGINT,
  snoozed_until            BIGINT,
  reminded_at              BIGINT,
  first_response_at        BIGINT,
  last_customer_message_at BIGINT,
  last_agent_message_at    BIGINT,
  resolved_at              BIGINT,
  reopened_at              BIGINT, -- the last time
  closed_at                BIGINT,
  created_at               BIGINT NOT NULL,
  updated_at               BIGINT NOT NULL,
  version                  BIGINT NOT NULL,
  changed                  BIGINT NOT NULL DEFAULT pg_current_xact_id()::TEXT::BIGINT -- the transaction that changed it last
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
  ticket_id UUID NOT NULL,
  PRIMARY KEY (tag, ticket_id)
);
CREATE FUNCTION keep_ticket_tags() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP <> 'INSERT' THEN
    DELETE FROM ticket_tags
    WHERE ticket_id = OLD.id AND tag IN (SELECT json_array_elements_text(OLD.tags::json));
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO ticket_tags (tag, ticket_id) SELECT json_array_elements_text(NEW.tags::json), NEW.id
    ON CONFLICT DO NOTHING;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER tickets_tagged AFTER INSERT ON tickets FOR EACH ROW WHEN (NEW.tags <> '[]')
  EXECUTE FUNCTION keep_ticket_tags();
CREATE TRIGGER tickets_retagged AFTER UPDATE OF tags ON tickets FOR EACH ROW WHEN (NEW.tags <> OLD.tags)
  EXECUTE FUNCTION keep_ticket_tags();
CREATE TRIGGER tickets_untagged AFTER DELETE ON tickets FOR EACH ROW WHEN (OLD.tags <> '[]')
  EXECUTE FUNCTION keep_ticket_tags();

-- Every mail ever accepted. The raw bytes (the first of them, when there are many) come last, so that lists don't
-- read them.
CREATE TABLE inbound_mails (
  id               UUID PRIMARY KEY,
  received_at      BIGINT NOT NULL,
  via              TEXT NOT NULL,
  remote_ip        TEXT,
  reverse_path     TEXT NOT NULL, -- empty for <>
  recipients       TEXT NOT NULL, -- JSON list
  message_id       TEXT, -- without brackets
  dedupe_key       TEXT UNIQUE, -- Message-ID, envelope and content; null without the first, and on the second of two equal mails
  from_address     TEXT NOT NULL,
  from_name        TEXT,
  subject          TEXT NOT NULL,
  size             BIGINT NOT NULL,
  sha256           TEXT NOT NULL,
  kind             TEXT NOT NULL,
  action           TEXT NOT NULL,
  reason           TEXT NOT NULL,
  detail           TEXT NOT NULL,
  ticket_id        UUID,
  ticket_number    TEXT,
  response_id      UUID,
  duplicate_of     UUID,
  in_reply_to      TEXT,
  refs             TEXT NOT NULL, -- JSON list, without brackets
  placement_by     TEXT,
  placement_reason TEXT,
  flags            TEXT NOT NULL, -- JSON list
  authentication   TEXT NOT NULL, -- JSON object
  bounces          TEXT NOT NULL, -- JSON list
  defects          TEXT NOT NULL, -- JSON list
  released_at      BIGINT,
  released_by      TEXT,
  received_header  TEXT NOT NULL,
  raw              BYTEA NOT NULL
);
-- What a large mail has beyond inbound_mails.raw: in pieces, so that no statement holds it whole.
CREATE TABLE inbound_chunks (
  inbound_mail_id UUID NOT NULL REFERENCES inbound_mails (id),
  seq             BIGINT NOT NULL, -- from 1
  content         BYTEA NOT NULL,
  PRIMARY KEY (inbound_mail_id, seq)
);
CREATE INDEX inbound_mails_message ON inbound_mails (message_id, id);
CREATE INDEX inbound_mails_from ON inbound_mails (LOWER(from_address), id);
CREATE INDEX inbound_mails_action ON inbound_mails (action, id);
CREATE INDEX inbound_mails_kind ON inbound_mails (kind, id) WHERE kind <> 'person';
CREATE INDEX inbound_mails_released ON inbound_mails (released_at) WHERE released_at IS NOT NULL;
CREATE INDEX inbound_mails_ticket ON inbound_mails (ticket_id, id) WHERE ticket_id IS NOT NULL;

CREATE TABLE responses (
  seq              BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE, -- about the order they were stored; never used twice
  id               UUID PRIMARY KEY,
  ticket_id        UUID NOT NULL REFERENCES tickets (id),
  visibility       TEXT NOT NULL,
  channel          TEXT NOT NULL,
  author_type      TEXT NOT NULL,
  author_id        UUID,
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
  inbound_mail_id  UUID,
  authentication   TEXT, -- JSON object
  template_id      UUID,
  send_at          BIGINT,
  created_at       BIGINT NOT NULL,
  edited_at        BIGINT,
  deleted_at       BIGINT,
  version          BIGINT NOT NULL
);
CREATE INDEX responses_ticket ON responses (ticket_id, created_at, id);

-- Replies taken back: few.
CREATE INDEX responses_deleted ON responses (deleted_at) WHERE deleted_at IS NOT NULL;

-- Files that were uploaded; files that came by mail stay in their mail.
CREATE TABLE blobs (
  sha256     TEXT PRIMARY KEY,
  size       BIGINT NOT NULL,
  created_at BIGINT NOT NULL
);
-- Their octets, in pieces of one length, so that no statement holds a file whole.
CREATE TABLE blob_pieces (
  sha256  TEXT NOT NULL REFERENCES blobs (sha256) ON DELETE CASCADE,
  seq     BIGINT NOT NULL, -- from 0
  content BYTEA NOT NULL,
  PRIMARY KEY (sha256, seq)
);

CREATE TABLE attachments (
  id              UUID PRIMARY KEY,
  ticket_id       UUID,
  response_id     UUID,
  inbound_mail_id UUID, -- the mail it is part of,
  position        BIGINT, -- and its place in it, or among the response's uploads;
  blob_sha256     TEXT REFERENCES blobs (sha256), -- or the uploaded bytes
  filename        TEXT,
  content_type    TEXT NOT NULL,
  size            BIGINT NOT NULL,
  sha256          TEXT NOT NULL,
  is_inline       BOOLEAN NOT NULL,
  content_id      TEXT,
  scan            TEXT NOT NULL,
  owner_id        UUID, -- the token that uploaded it, or the form it came with
  created_at      BIGINT NOT NULL,
  expires_at      BIGINT -- until it is used
);
CREATE INDEX attachments_response ON attachments (response_id);
CREATE INDEX attachments_ticket ON attachments (ticket_id);
CREATE INDEX attachments_blob ON attachments (blob_sha256) WHERE blob_sha256 IS NOT NULL;
-- Few rows each: what was uploaded and not used.
CREATE INDEX attachments_unused ON attachments (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX attachments_owner ON attachments (owner_id) WHERE expires_at IS NOT NULL;

-- Forms whose senders have yet to confirm their address. Their files are uploads that the form owns.
CREATE TABLE pending_tickets (
  id         UUID PRIMARY KEY,
  address    TEXT NOT NULL, -- lower case
  request    TEXT, -- JSON object; null: it is a ticket now
  created_at BIGINT NOT NULL,
  expires_at BIGINT NOT NULL
);
CREATE INDEX pending_tickets_expiry ON pending_tickets (expires_at);

-- Puzzles that forms have solved, so that each counts once.
CREATE TABLE spent_puzzles (
  challenge  TEXT PRIMARY KEY,
  expires_at BIGINT NOT NULL
);
CREATE INDEX spent_puzzles_expiry ON spent_puzzles (expires_at);

CREATE TABLE ticket_events (
  id              UUID NOT NULL,
  ticket_id       UUID NOT NULL REFERENCES tickets (id),
  at              BIGINT NOT NULL,
  type            TEXT NOT NULL,
  actor_type      TEXT NOT NULL,
  actor_id        UUID,
  actor_name      TEXT,
  channel         TEXT NOT NULL,
  changes         TEXT NOT NULL, -- JSON object: field -> [from, to]
  response_id     UUID,
  inbound_mail_id UUID,
  PRIMARY KEY (ticket_id, id)
);

-- Every mail that leaves, from before it is rendered until long after; the API calls a row an email log.
CREATE TABLE outbox (
  id               UUID PRIMARY KEY,
  ticket_id        UUID,
  response_id      UUID,
  template         TEXT NOT NULL,
  template_version BIGINT,
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
  priority         BIGINT NOT NULL, -- 0 before 1
  attempts         BIGINT NOT NULL,
  next_attempt_at  BIGINT, -- null: ended; while sending: when the lease ends
  ready            BOOLEAN NOT NULL, -- due, and not taken: waits for its turn only
  released         BOOLEAN NOT NULL, -- is sent really where mail is kept
  lease            TEXT, -- which worker has it
  give_up_at       BIGINT NOT NULL,
  remote           TEXT,
  tls              TEXT,
  smtp_code        BIGINT,
  enhanced_code    TEXT,
  smtp_response    TEXT,
  error            TEXT,
  size             BIGINT,
  queued_at        BIGINT NOT NULL,
  sent_at          BIGINT,
  delivered_at     BIGINT,
  bounced_at       BIGINT,
  created_at       BIGINT NOT NULL,
  changed_at       BIGINT, -- when status last changed; null: as it was made
  mime             BYTEA -- fixed at the first try
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
  id            UUID NOT NULL,
  outbox_id     UUID NOT NULL REFERENCES outbox (id),
  at            BIGINT NOT NULL,
  duration_ms   BIGINT NOT NULL,
  outcome       TEXT NOT NULL,
  remote        TEXT,
  tls           TEXT,
  smtp_code     BIGINT,
  enhanced_code TEXT,
  smtp_response TEXT,
  error         TEXT,
  PRIMARY KEY (outbox_id, id)
);

CREATE TABLE suppressions (
  id         UUID PRIMARY KEY,
  address    TEXT NOT NULL UNIQUE, -- lower case
  reason     TEXT NOT NULL,
  outbox_id  UUID,
  note       TEXT,
  expires_at BIGINT,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version    BIGINT NOT NULL
);

-- Whose mail is held back: somebody called a ticket of theirs spam.
CREATE TABLE blocked_senders (
  address    TEXT PRIMARY KEY, -- lower case
  ticket_id  UUID NOT NULL,
  created_at BIGINT NOT NULL
);

-- Mails that did not arrive though their address may be good; emptied when the address takes one.
CREATE TABLE soft_bounces (
  address   TEXT NOT NULL, -- lower case
  outbox_id UUID NOT NULL,
  at        BIGINT NOT NULL,
  PRIMARY KEY (address, outbox_id)
);

-- What agents answer with, and what replaces the words of notifications.
CREATE TABLE templates (
  id           UUID PRIMARY KEY,
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
  team_id      UUID,
  is_active    BOOLEAN NOT NULL,
  usage_count  BIGINT NOT NULL,
  last_used_at BIGINT,
  created_at   BIGINT NOT NULL,
  updated_at   BIGINT NOT NULL,
  version      BIGINT NOT NULL
);
CREATE UNIQUE INDEX templates_name ON templates (type, name, locale);

-- Every save of a template. An override that is taken away keeps its own: mails in the log name them.
CREATE TABLE template_versions (
  template_id UUID NOT NULL,
  version     BIGINT NOT NULL,
  name        TEXT NOT NULL,
  category    TEXT,
  locale      TEXT NOT NULL,
  subject     TEXT,
  body        TEXT NOT NULL,
  body_format TEXT NOT NULL,
  body_html   TEXT,
  is_active   BOOLEAN NOT NULL,
  author_id   UUID,
  author_name TEXT,
  created_at  BIGINT NOT NULL,
  PRIMARY KEY (template_id, version)
);

CREATE TABLE idempotency_keys (
  scope      TEXT NOT NULL, -- the token's id, or the caller's address
  path       TEXT NOT NULL,
  key        TEXT NOT NULL,
  body_hash  TEXT NOT NULL,
  status     BIGINT NOT NULL,
  location   TEXT,
  body       TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  PRIMARY KEY (scope, path, key)
);
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

-- What the demo data consists of, so that it can be taken away again.
CREATE TABLE seed_rows (
  kind TEXT NOT NULL,
  id   UUID NOT NULL,
  PRIMARY KEY (kind, id)
);

-- Small facts about the desk itself, such as how far the search index has come.
CREATE TABLE desk_facts (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
);

-- Teams

CREATE TABLE teams (
  id         UUID PRIMARY KEY,
  name       TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version    BIGINT NOT NULL
);
CREATE UNIQUE INDEX teams_name ON teams (LOWER(name));

CREATE TABLE team_members (
  team_id  UUID NOT NULL REFERENCES teams (id),
  agent_id UUID NOT NULL REFERENCES agents (id) ON DELETE CASCADE,
  PRIMARY KEY (team_id, agent_id)
);
CREATE INDEX team_members_agent ON team_members (agent_id);

-- Jobs: what takes longer than a request
CREATE TABLE jobs (
  id         UUID PRIMARY KEY,
  kind       TEXT NOT NULL,
  state      TEXT NOT NULL, -- queued, running, done, failed, cancelled
  done       BIGINT NOT NULL,
  total      BIGINT, -- null: not known yet
  errors     TEXT NOT NULL, -- JSON list
  result     TEXT, -- JSON object, at the end
  request    TEXT NOT NULL, -- JSON object: what was asked for
  position   TEXT NOT NULL, -- JSON: where it goes on, as its kind has it
  owner_id   UUID NOT NULL REFERENCES api_tokens (id),
  next_at    BIGINT, -- null: ended; while worked on: when the lease ends
  lease      TEXT, -- which worker has it
  created_at BIGINT NOT NULL,
  updated_at BIGINT NOT NULL,
  version    BIGINT NOT NULL
);
CREATE INDEX jobs_due ON jobs (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX jobs_ended ON jobs (updated_at) WHERE next_at IS NULL;

-- What a job goes through one by one.
CREATE TABLE job_items (
  job_id UUID NOT NULL REFERENCES jobs (id),
  seq    BIGINT NOT NULL, -- from 0
  item   TEXT NOT NULL,
  PRIMARY KEY (job_id, seq)
);

-- Events of the desk, for those who listen
CREATE TABLE desk_events (
  seq       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- drawn at the end of a verb: about the order they happened
  id        UUID NOT NULL,
  at        BIGINT NOT NULL,
  type      TEXT NOT NULL,
  ticket_id UUID,
  body      TEXT NOT NULL, -- JSON object: what listeners get, word for word
  waits     BOOLEAN NOT NULL -- to be handed to the webhooks there were; never where there is none
);
CREATE INDEX desk_events_waiting ON desk_events (seq) WHERE waits;

-- Webhooks
CREATE TABLE webhooks (
  id               UUID PRIMARY KEY,
  url              TEXT NOT NULL,
  events           TEXT NOT NULL, -- JSON list of types and globs
  description      TEXT,
  filter           TEXT, -- a search of tickets
  is_active        BOOLEAN NOT NULL,
  failing_since    BIGINT,
  secret           TEXT NOT NULL, -- as it is: whoever signs must know it
  old_secret       TEXT, -- signs too,
  old_secret_until BIGINT, -- until then
  created_at       BIGINT NOT NULL,
  updated_at       BIGINT NOT NULL,
  version          BIGINT NOT NULL
);

-- One event on its way to one webhook. The body is the event's, which may be gone before.
CREATE TABLE webhook_deliveries (
  id              UUID PRIMARY KEY,
  webhook_id      UUID NOT NULL REFERENCES webhooks (id),
  event_id        UUID NOT NULL,
  type            TEXT NOT NULL,
  body            TEXT NOT NULL,
  state           TEXT NOT NULL, -- pending, retrying, delivered, failed
  attempts        BIGINT NOT NULL,
  next_attempt_at BIGINT, -- null: ended; while on the wire: when the lease ends
  lease           TEXT, -- which worker has it
  status_code     BIGINT,
  duration_ms     BIGINT,
  error           TEXT,
  exchange        TEXT, -- JSON: what was said at the last try
  created_at      BIGINT NOT NULL
);
CREATE UNIQUE INDEX webhook_deliveries_event ON webhook_deliveries (webhook_id, event_id);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook_id, next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhook_deliveries_newest ON webhook_deliveries (webhook_id, id);

-- Counting callers

-- When each caller's bucket is full again, unix microseconds. A crash forgets them all, which costs nothing and spares
-- every call a wait for the disk.
CREATE UNLOGGED TABLE call_counts (
  key     TEXT PRIMARY KEY,
  full_at BIGINT NOT NULL,
  passed  BOOLEAN NOT NULL -- the last call
) WITH (fillfactor = 50);

-- Filled behind the ledger by the indexer, never in the transaction that takes a mail. A row has the place of its
-- response (responses.seq). Besides the words of the text a document has three marks that say where it stands in that
-- order (src/store/words.rs), so that the index finds the newest of many without looking at all of them.
CREATE TABLE search (
  response_id UUID PRIMARY KEY,
  seq         BIGINT NOT NULL,
  ticket_id   UUID NOT NULL,
  document    TSVECTOR NOT NULL
);
CREATE INDEX search_document ON search USING gin (document);
CREATE INDEX search_ticket ON search (ticket_id);
