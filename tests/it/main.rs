//! All integration tests in one binary: it starts the real thing and talks to it as the world does. A test that
//! touches the store runs on both engines (`both_engines!`).

#[macro_use]
mod support;

mod agents;
mod api;
mod architecture;
mod bombs;
mod bounces;
mod contact_form;
mod corpora;
mod decision_0001_smtp_listener;
mod direct;
mod dkim;
mod durability;
mod faults;
mod files;
mod http;
mod injection;
mod intake;
mod live;
mod loops;
mod notify;
mod on_the_wire;
mod outbox;
mod parts;
mod placement;
mod plans;
mod program;
mod queue;
mod relay;
mod relay_matrix;
mod relays;
mod retries;
mod round_trip;
mod schema;
mod seeding;
mod senders;
mod silence;
mod smtp;
mod store;
mod templates;
mod upgrades;
mod webhooks;
mod xss;
