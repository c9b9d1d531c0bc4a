//! A PostgreSQL of our own, as the tests have it.

#[path = "../it/support/postgres.rs"]
pub mod postgres;

/// Where it says what is missing.
pub fn say(line: &str) {
    println!("{line}");
}
