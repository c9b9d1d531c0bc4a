//! Writes down what became of mails: one commit for all tries that ended while the last one was on its way to the disk.
//! A place on the wire does not wait for it.

use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::desk::{Desk, Error, Try};
use crate::model::Outcome;
use crate::telemetry::meters;

/// Most tries that wait to be written down; then the wire waits too.
const WAITING: usize = 256;
/// Times it is tried to write something down.
const TIMES: u32 = 8;
/// The first wait between them; doubled each time.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// Where tries are handed in.
pub(super) struct Recorder {
    tries: mpsc::Sender<Try>,
    writer: JoinHandle<()>,
}

impl Recorder {
    /// One that writes by this desk.
    pub(super) fn start(desk: Desk) -> Self {
        let (tries, waiting) = mpsc::channel(WAITING);
        Self { tries, writer: tokio::spawn(write(desk, waiting)) }
    }

    /// For those who send.
    pub(super) fn tries(&self) -> mpsc::Sender<Try> {
        self.tries.clone()
    }

    /// Waits until everything is written down; nobody else may hold a sender any more.
    pub(super) async fn end(self) {
        drop(self.tries);
        // It does not panic, and nobody stops it.
        let _ = self.writer.await;
    }
}

async fn write(desk: Desk, mut waiting: mpsc::Receiver<Try>) {
    let mut tries = Vec::new();
    while waiting.recv_many(&mut tries, WAITING).await > 0 {
        record(&desk, std::mem::take(&mut tries)).await;
    }
}

/// Writes tries down, again and again while the store is in trouble: a mail that left must not leave twice.
pub(super) async fn record(desk: &Desk, mut tries: Vec<Try>) {
    tries.iter().for_each(log);
    tries.iter().for_each(count);
    let mut wait = FIRST_WAIT;
    for _ in 0..TIMES {
        tries = try_to_record(desk, tries).await;
        if tries.is_empty() {
            return;
        }
        sleep(wait).await;
        wait *= 2;
    }
    for Try { mail, report } in tries {
        tracing::error!(id = %mail.entry.id, outcome = report.outcome.as_str(), "attempt lost: the mail will be tried again");
    }
}

/// Returns those that can't be written down yet. One that can't be holds up itself alone.
async fn try_to_record(desk: &Desk, mut tries: Vec<Try>) -> Vec<Try> {
    if tries.is_empty() {
        return tries;
    }
    match desk.record_attempts(&mut tries).await {
        Ok(()) => Vec::new(),
        Err(error) if tries.len() == 1 || passes(&error) => {
            tracing::warn!(tries = tries.len(), %error, "attempts can't be written down yet");
            tries
        }
        Err(_) => {
            let mut left = Vec::new();
            for one in tries {
                left.extend(Box::pin(try_to_record(desk, vec![one])).await);
            }
            left
        }
    }
}

/// Whether the store alone is in trouble, whatever it was asked to take.
pub(super) fn passes(error: &Error) -> bool {
    matches!(error, Error::Store(error) if error.is_transient())
}

/// One line for each try.
fn log(Try { mail, report }: &Try) {
    tracing::info!(
        id = %mail.entry.id,
        ticket = ticket_of(&mail.mime).unwrap_or_default(),
        template = mail.entry.template,
        outcome = report.outcome.as_str(),
        code = report.smtp_code,
        ms = report.duration_ms,
        "mail out",
    );
}

fn count(Try { mail, report }: &Try) {
    let took = Duration::from_millis(report.duration_ms.try_into().unwrap_or(0));
    let due = report.at.plus_ms(report.duration_ms).0 - mail.entry.queued_at.0;
    let since_due = Duration::from_millis(due.try_into().unwrap_or(0));
    let since_due = (report.outcome == Outcome::Delivered).then_some(since_due);
    meters::attempt(report.outcome.as_str(), report.smtp_code, took, since_due);
}

/// The ticket's number, from the header we wrote ourselves.
fn ticket_of(mime: &[u8]) -> Option<&str> {
    const NAME: &[u8] = b"X-Postdesk-Ticket: ";
    let start = memchr::memmem::find(mime, NAME)? + NAME.len();
    let length = memchr::memchr(b'\r', &mime[start..])?;
    std::str::from_utf8(&mime[start..start + length]).ok()
}
