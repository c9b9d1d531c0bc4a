//! What the program says to the person who runs it; logs are another matter.

use std::io::Write;

/// An error and its causes, on standard error.
#[expect(clippy::print_stderr, reason = "the person at the terminal reads it")]
pub fn complain(error: &anyhow::Error) {
    eprintln!("postdesk: {error:#}");
}

/// A line of explanation that is not the answer itself.
#[expect(clippy::print_stderr, reason = "standard output is for the answer alone")]
pub fn explain(text: impl std::fmt::Display) {
    eprintln!("{text}");
}

/// The answer, on standard output; nobody listening any more is no reason to end.
pub fn answer(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
