//! What the program says to the person who runs it; logs are another matter.

use std::io::Write;

/// An error and its causes, on standard error.
pub fn complain(error: &anyhow::Error) {
    explain(format_args!("postdesk: {}", told_once(error)));
}

/// The error and its causes; many an error tells its cause already.
fn told_once(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if told.is_empty() {
            told = cause;
        } else if !told.contains(&cause) {
            told = format!("{told}: {cause}");
        }
    }
    told
}

/// A line of explanation that is not the answer itself: on standard error, if that can be written.
pub fn explain(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The answer, on standard output; nobody listening any more is no reason to end.
pub fn answer(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_once() {
        let taken = || anyhow::anyhow!("address in use");
        assert_eq!(
            told_once(&taken().context("can't listen: address in use")),
            "can't listen: address in use"
        );
        assert_eq!(told_once(&taken().context("can't listen")), "can't listen: address in use");
    }
}
