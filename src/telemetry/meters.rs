//! What the desk measures of itself, for Prometheus (`docs/monitoring.md` explains each). The doors say what happened by
//! the functions here, so that every name stands in this file. Until somebody may ask for them, nothing is kept.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

const MAILS_IN: &str = "postdesk_mails_in_total";
const SESSIONS: &str = "postdesk_smtp_sessions_total";
const SESSIONS_REFUSED: &str = "postdesk_smtp_sessions_refused_total";
const SESSIONS_OPEN: &str = "postdesk_smtp_sessions_open";
const ATTEMPTS: &str = "postdesk_mails_out_total";
const ATTEMPT_SECONDS: &str = "postdesk_delivery_attempt_seconds";
const DELIVERY_SECONDS: &str = "postdesk_delivery_seconds";
const REQUESTS: &str = "postdesk_http_requests_total";
const REQUEST_SECONDS: &str = "postdesk_http_request_seconds";
const QUEUE: &str = "postdesk_queue_mails";
const QUEUE_AGE: &str = "postdesk_queue_oldest_seconds";
const QUEUE_LATE: &str = "postdesk_queue_late_seconds";
const QUEUE_PAUSED: &str = "postdesk_queue_paused";
const TICKETS_OPEN: &str = "postdesk_tickets_open";
const QUARANTINED: &str = "postdesk_mails_quarantined";
const DATABASE_UP: &str = "postdesk_database_up";
const BUILD: &str = "postdesk_build_info";
const STARTED: &str = "postdesk_start_time_seconds";
const MEMORY: &str = "postdesk_process_resident_memory_bytes";

/// Seconds of an answer.
const QUICK: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Seconds of a try, with the waits that servers may take.
const PATIENT: &[f64] = &[0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
/// Seconds from a mail's due time until the next server has it, over all tries.
const DAYS: &[f64] =
    &[0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0, 432_000.0];

/// How the desk stands at the moment somebody asks.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Mails that wait, by what for: `queued`, `sending`, `deferred`.
    pub queue: Vec<(&'static str, i64)>,
    /// How long the oldest of them has been due.
    pub queue_oldest: Duration,
    /// How long a mail waits over its time.
    pub queue_late: Duration,
    /// Somebody holds the queue.
    pub queue_paused: bool,
    /// Tickets that are neither resolved nor closed, by status.
    pub tickets_open: Vec<(&'static str, i64)>,
    /// Mails held back.
    pub quarantined: i64,
}

/// Begins to measure; nothing happens the second time.
pub fn start() {
    handle();
}

/// A mail came in by this door, and this became of it.
pub fn mail_in(via: &'static str, action: &'static str) {
    counter!(MAILS_IN, "via" => via, "action" => action).increment(1);
}

/// Somebody talks to the SMTP or LMTP door until the answer is dropped.
pub fn session(protocol: &'static str) -> impl Drop {
    struct Open(&'static str);
    impl Drop for Open {
        fn drop(&mut self) {
            gauge!(SESSIONS_OPEN, "protocol" => self.0).decrement(1.0);
        }
    }
    counter!(SESSIONS, "protocol" => protocol).increment(1);
    gauge!(SESSIONS_OPEN, "protocol" => protocol).increment(1.0);
    Open(protocol)
}

/// Somebody was sent away: there are too many sessions.
pub fn session_refused() {
    counter!(SESSIONS_REFUSED).increment(1);
}

/// A try to send a mail ended; `code` is the server's last reply. Once the mail is delivered, `since_due` is what it took
/// over all tries.
pub fn attempt(outcome: &'static str, code: Option<u16>, took: Duration, since_due: Option<Duration>) {
    let class = match code.map(|code| code / 100) {
        Some(2) => "2xx",
        Some(4) => "4xx",
        Some(5) => "5xx",
        Some(_) => "other",
        None => "none",
    };
    counter!(ATTEMPTS, "outcome" => outcome, "code" => class).increment(1);
    histogram!(ATTEMPT_SECONDS).record(took);
    if let Some(since_due) = since_due {
        histogram!(DELIVERY_SECONDS).record(since_due);
    }
}

/// A request was answered. `route` is the template of its path: paths themselves name tickets, and there is no end of them.
pub fn request(route: &str, method: &str, status: u16, took: Duration) {
    const METHODS: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    let method = METHODS.into_iter().find(|known| *known == method).unwrap_or("other");
    counter!(REQUESTS, "route" => route.to_owned(), "method" => method, "status" => status.to_string())
        .increment(1);
    histogram!(REQUEST_SECONDS, "route" => route.to_owned(), "method" => method).record(took);
}

/// Everything measured so far, in the text format of Prometheus. `standing` is `None` when the database does not answer.
pub fn render(standing: Option<&Standing>, started_at_seconds: i64) -> String {
    gauge!(DATABASE_UP).set(if standing.is_some() { 1.0 } else { 0.0 });
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!(STARTED).set(number(started_at_seconds));
    if let Some(bytes) = resident_bytes() {
        gauge!(MEMORY).set(number(bytes));
    }
    if let Some(standing) = standing {
        show(standing);
    }
    handle().render()
}

/// Puts what was measured where it is counted, or it would pile up while nobody asks; again and again.
pub async fn keep_up() {
    loop {
        tokio::time::sleep(Duration::from_secs(30)).await;
        handle().run_upkeep();
    }
}

fn show(standing: &Standing) {
    for (state, count) in &standing.queue {
        gauge!(QUEUE, "state" => *state).set(number(*count));
    }
    gauge!(QUEUE_AGE).set(standing.queue_oldest.as_secs_f64());
    gauge!(QUEUE_LATE).set(standing.queue_late.as_secs_f64());
    gauge!(QUEUE_PAUSED).set(if standing.queue_paused { 1.0 } else { 0.0 });
    for (status, count) in &standing.tickets_open {
        gauge!(TICKETS_OPEN, "status" => *status).set(number(*count));
    }
    gauge!(QUARANTINED).set(number(standing.quarantined));
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus counts in doubles")]
fn number(count: i64) -> f64 {
    count as f64
}

/// Memory this process holds, where the system says (Linux).
fn resident_bytes() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1_024)
}

/// The one place all of it goes to: there is one for each process.
fn handle() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        let buckets = [(REQUEST_SECONDS, QUICK), (ATTEMPT_SECONDS, PATIENT), (DELIVERY_SECONDS, DAYS)];
        let builder = buckets.into_iter().fold(PrometheusBuilder::new(), |builder, (name, bounds)| {
            let matcher = Matcher::Full(name.to_owned());
            builder.set_buckets_for_metric(matcher, bounds).expect("there are bounds")
        });
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("something else measures already: /metrics stays empty");
        }
        describe();
        handle
    })
}

fn describe() {
    describe_counter!(MAILS_IN, "Mails that came in, by door and by what became of them");
    describe_counter!(SESSIONS, "Sessions of the SMTP and LMTP doors");
    describe_counter!(SESSIONS_REFUSED, "Clients sent away because there were too many sessions");
    describe_gauge!(SESSIONS_OPEN, "Sessions open now");
    describe_counter!(ATTEMPTS, "Tries to send a mail, by outcome and class of the server's reply");
    describe_histogram!(ATTEMPT_SECONDS, Unit::Seconds, "How long a try took");
    describe_histogram!(
        DELIVERY_SECONDS,
        Unit::Seconds,
        "From a mail's due time until the next server had it"
    );
    describe_counter!(REQUESTS, "HTTP requests, by route, method and status");
    describe_histogram!(REQUEST_SECONDS, Unit::Seconds, "How long an answer took");
    describe_gauge!(QUEUE, "Mails in the outbox that have not ended, by state");
    describe_gauge!(QUEUE_AGE, Unit::Seconds, "How long ago the oldest of them was due for the first time");
    describe_gauge!(QUEUE_LATE, Unit::Seconds, "How long the most overdue mail has waited for its next try");
    describe_gauge!(QUEUE_PAUSED, "1 while somebody holds the queue");
    describe_gauge!(TICKETS_OPEN, "Tickets that are neither resolved nor closed, by status");
    describe_gauge!(QUARANTINED, "Mails held back for a person to decide");
    describe_gauge!(DATABASE_UP, "1 when the database answered this request");
    describe_gauge!(BUILD, "1; the version is a label");
    describe_gauge!(STARTED, Unit::Seconds, "When the process started, Unix time");
    describe_gauge!(MEMORY, Unit::Bytes, "Memory the process holds");
}
