//! A PostgreSQL of our own, as the tests have it.

#[expect(dead_code, reason = "the tests share one cluster, the benches start their own")]
#[path = "../it/support/postgres.rs"]
pub mod postgres;

/// Where it says what is missing.
pub fn say(line: &str) {
    println!("{line}");
}
