//! Logs: one line an event, for people or as JSON, on standard error. What is said stands at the doors: a line for
//! each mail in, and one for each attempt out. What is counted stands in [`meters`].

pub mod meters;

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// Standard error, as long as it can be written: a full disk or a reader that left must not stop the desk.
#[derive(Default)]
struct Unfailing(());

impl Write for Unfailing {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().write_all(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A level alone is ours: libraries that parse mail print whole texts at `debug`.
fn ours(filter: &str) -> Cow<'_, str> {
    match filter.trim().to_ascii_lowercase().as_str() {
        level @ ("debug" | "trace") => Cow::Owned(format!("info,postdesk={level}")),
        _ => Cow::Borrowed(filter),
    }
}

/// What is logged unless a filter says otherwise.
const DEFAULT_FILTER: &str = "warn,postdesk=info";

/// Starts logging. The filter is in `tracing`'s words: `debug`, `info,postdesk::smtp=debug`.
///
/// # Errors
/// When the filter can't be read, or logging was started before.
pub fn init(format: LogFormat, filter: Option<&str>) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let filter = EnvFilter::builder().parse(ours(filter.unwrap_or(DEFAULT_FILTER)))?;
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Unfailing::default);
    let lines = lines.log_internal_errors(false);
    match format {
        LogFormat::Json => lines.json().flatten_event(true).with_current_span(false).try_init(),
        LogFormat::Human => {
            let colours = std::io::stderr().is_terminal();
            lines.compact().with_target(false).with_ansi(colours).try_init()
        }
    }
}
