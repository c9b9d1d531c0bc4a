//! What the tests stand on: a desk on either engine, a throw-away PostgreSQL.

use std::io::Write as _;

pub mod app;
pub mod certificate;
pub mod client;
pub mod contract;
pub mod database;
pub mod outgoing;
pub mod postgres;
pub mod program;
pub mod python;
pub mod receiver;
pub mod sink;

pub use app::App;
pub use database::{Database, Engine};

/// Says a line past the test harness, which keeps what a passing test prints to itself.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Makes two tests of one function, `sqlite` and `postgres`. Without PostgreSQL's server binaries the second says so
/// (once for all of them) and tests nothing.
macro_rules! both_engines {
    ($($(#[$meta:meta])* async fn $name:ident($engine:ident: Engine) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn run($engine: $crate::support::Engine) $body

            #[tokio::test]
            async fn sqlite() {
                run($crate::support::Engine::Sqlite).await;
            }

            #[tokio::test]
            async fn postgres() {
                if $crate::support::postgres::available() {
                    run($crate::support::Engine::Postgres).await;
                }
            }
        }
    )+};
}
