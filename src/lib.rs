//! Postdesk is a support desk that lives in e-mail: one binary, nothing else to install.
//!
//! Customers write to the support address. The SMTP door answers 250 only when their mail *is* a ticket, or a
//! response in one, on disk. Agents answer from their own mail program or over the HTTP API. Every mail that leaves
//! stands in an outbox before it is sent and has a log of every attempt.
//!
//! # The map
//!
//! **Four doors, one desk, one store.** [`smtp`] and [`http`] let things in, [`outbox`] lets mail out and [`webhooks`]
//! events, and each door alone knows its wire codes. [`desk`] holds the verbs: one call, one transaction. [`store`]
//! holds the SQL and is used by `desk` alone. [`mail`] and [`model`] are pure: values in, values out, no socket, no clock,
//! no SQL.
//!
//! | room | what stands there | may use |
//! |---|---|---|
//! | [`model`] | the words: tickets, mails, people, deliveries, and the rules that need nothing else | – |
//! | [`clock`] | the only readers of time and randomness | model |
//! | [`config`] | `postdesk.toml` and `POSTDESK_*` made into validated types | model |
//! | [`mail`] | RFC 5322 bytes to and from the model: parse, kind, reports, placement, new text, HTML, tokens, compose | model |
//! | [`templates`] | what the mails that leave say, in each language: built-in, a directory's over it, the database's over both | model |
//! | [`sender`] | who really sent a mail, the signatures that say we did, and the DNS resolver with its fixed zone for tests | mail, model, clock, config |
//! | [`store`] | SQL on SQLite and PostgreSQL, one file per statement; each verb's events are written at its commit | model, clock |
//! | [`desk`] | the verbs; [`desk::Desk::receive`] is where every mail goes through | model, mail, store, clock, config |
//! | [`smtp`] | the door mail comes in by, SMTP and LMTP; `reply.rs` has every code we say | mail, sender, desk, config, model |
//! | [`outbox`] | the door mail leaves by, to relays, straight to each domain's servers, or nowhere; `judge.rs` has what a remote's answer means | mail, sender, templates, desk, config, clock, model |
//! | [`http`] | the API; `problem/codes.rs` has every error code | mail, templates, desk, config, model |
//! | [`webhooks`] | the door events leave by: signed, tried again, and never to a private address | model, desk, config, clock |
//! | `fuzzing` | what strangers send, given to whoever reads it; in tests and fuzzers alone | what reads |
//! | [`telemetry`] | logs, and what the process measures of itself; whoever measures may use it | – |
//!
//! # Invariants
//!
//! 1. 250 is written only after the commit. Trouble on our side is 451, and nothing is lost.
//! 2. Every mail ever accepted stands in the inbound ledger with its raw bytes, its verdict and the reason. Nothing is
//!    dropped silently.
//! 3. Parsing never fails: it gives a value and a list of defects.
//! 4. One verb, one transaction: state, event and outbox rows commit together. No network call inside a transaction.
//! 5. A mail leaves only from an outbox row. The same row always sends the same bytes with the same Message-ID.
//! 6. Only `desk` imports `store`. `model` imports nothing. Doors never import each other.
//! 7. SMTP codes live in `smtp/reply.rs` and `outbox/judge.rs`; HTTP codes in `http/`. The core speaks
//!    [`desk::Verdict`], [`model::Outcome`] and [`desk::Error`].
//! 8. No `now()` and no randomness outside `clock.rs` (`.clippy.toml` forbids them, with the reason).
//! 9. What a caller wrote never reaches an address that nobody verified, and is never evaluated as a template.
//! 10. A ticket number is not a key: it opens nothing for someone who is not a participant.
//!
//! `tests/it/architecture.rs` checks those of them that a program can check.
//!
//! # Four walkthroughs
//!
//! **A mail comes in.** `smtp::listener` takes a permit and spawns a session. RCPT is answered from a snapshot of the
//! mailboxes ([`desk::Recipients`]). After the end of DATA the session makes one call, [`desk::Desk::receive`]. In
//! there: *read* (pure: parse, kind, new text, files, fingerprints), then one transaction: the same mail before?
//! `Duplicate` · bounce: tie it to the delivery it answers · auto-reply: append, tell nobody · loop: stop · person:
//! place (reply token, then References, then subject number for a participant), open or respond (an agent's
//! commands are all understood before any is carried out) → event →
//! notifications → outbox rows → ledger row → commit → wake the outbox. The session says `Reply::from(&verdict)`. One
//! call down, one value back.
//!
//! **A notification goes out.** `model::told` has the rules of who is told what, `desk::notify` turns them into rows, and
//! `desk::chores` does what falls due by time. The outbox's worker wakes (a bell in the process, or a poll) and, whenever
//! its hand runs low, refills it behind the sends that are on the wire: it waits a moment while mail comes in, leases a
//! batch of due rows, domain by domain in turn, and commits; renders a mail at its first try and fixes its bytes. The hand
//! decides who goes next, so that no domain takes all places; the transport sends; `judge` says what the answer means; the
//! recorder hands the desk many tries at once, and each gets either the next try or the end. No row lock is held across
//! the network, no node is a leader. A crash between the remote's 250 and our commit sends the same Message-ID again: at
//! least once, and recognisable.
//!
//! **An event is told.** A verb's commit leaves word of what it did in `desk_events` (`model::event` has what). Any node's
//! `webhooks::Worker` takes those that wait, and makes deliveries of them for the webhooks that want them, in one
//! transaction. Deliveries are leased, sent and recorded as mails are: the webhook's own places on the wire, a look-up that
//! is judged, a signed POST, and `model::webhook` says what the answer makes of the delivery and of the webhook.
//!
//! **An API request.** Extractor (who), typed body (what; the types validate), one desk verb, view. `desk::Error`
//! becomes a problem in one `match`.
//!
//! # On disk
//!
//! SQLite has one writer connection with group commit (`store/sqlite.rs`): verbs that arrive while a commit is on its
//! way to the disk join the next one, each under a savepoint of its own. Statements run where their verb runs; what
//! waits for the disk or takes long runs on a thread that may wait. PostgreSQL has a plain pool. Ids are UUIDv7, times
//! unix milliseconds, JSON text; lists go by keyset. The search index is filled behind the ledger, never in the
//! transaction that takes a mail. Raw mail is stored once, large ones in pieces; attachments are parts of it, found by
//! position.

pub mod model;

pub mod clock;
pub mod config;
pub mod desk;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod http;
pub mod mail;
pub mod outbox;
pub mod sender;
pub mod smtp;
pub mod store;
pub mod telemetry;
pub mod templates;
pub mod webhooks;
