//! Lists, searches and statistics of a large desk, asked over HTTP: what an answer takes, by kind of question.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use postdesk::clock::{Clock, Ids};
use postdesk::config::Config;
use postdesk::desk::query::Start;
use postdesk::desk::{Desk, Generate, NewToken, PageOf, Progress, search};
use postdesk::model::{Mailbox, Scope, Timestamp};
use postdesk::store::Store;
use serde_json::Value;
use uuid::Uuid;

use crate::server::{self, Server};

/// Answers to each question: the first page so often, then as many pages after it.
const FIRST_PAGES: usize = 50;
const NEXT_PAGES: usize = 50;

/// What is asked, below `/api/support`. `AGENT`, `TICKET`, `CONTACT` are ids, `MONTH` and `NEXT` days two years ago,
/// `WEEK` a day last week.
const QUESTIONS: &[(&str, &str)] = &[
    ("all, last changed first", "/tickets"),
    ("all, oldest first", "/tickets?sort=created_at"),
    ("all, by number", "/tickets?sort=number"),
    ("all, most urgent first", "/tickets?sort=-priority"),
    ("all, longest waiting first", "/tickets?sort=waiting_since"),
    ("all, customer wrote last", "/tickets?sort=-last_customer_message_at"),
    ("all, with their responses", "/tickets?include=responses"),
    ("all, counted", "/tickets?include=total"),
    ("all, page 400", "/tickets?page=400"),
    ("open", "/tickets?status=open"),
    ("open, counted", "/tickets?status=open&include=total"),
    ("not closed, oldest first", "/tickets?status=!closed,!resolved&sort=created_at"),
    ("open, longest waiting first", "/tickets?status=open,in_progress&sort=waiting_since"),
    ("open, most urgent first", "/tickets?status=open&sort=-priority"),
    ("closed, oldest first", "/tickets?status=closed&sort=created_at"),
    ("closed, page 100", "/tickets?status=closed&page=100&limit=100"),
    ("an agent's open ones", "/tickets?status=open&assignee=AGENT"),
    ("an agent's, oldest first", "/tickets?assignee=AGENT&sort=created_at"),
    ("an agent's, counted", "/tickets?assignee=AGENT&include=total"),
    ("nobody's", "/tickets?assignee=none"),
    ("a customer's", "/tickets?requester=CONTACT"),
    ("a shop's user", "/tickets?user_id=u_312"),
    ("a store's", "/tickets?store_id=st_8"),
    ("a seller's, closed, by number", "/tickets?seller_id=se_7&status=closed&sort=number"),
    ("an order's", "/tickets?order_id=100001"),
    ("one channel", "/tickets?channel=phone"),
    ("spam", "/tickets?is_spam=true"),
    ("what waits for third parties", "/tickets?waiting=third_party"),
    ("a status, page by number", "/tickets?status=waiting_third_party&sort=number"),
    ("a rare kind, closed", "/tickets?status=closed&category=account&priority=urgent"),
    ("a tag, rare", "/tickets?tag=spring-sale"),
    ("a tag, rare, counted", "/tickets?tag=spring-sale&include=total"),
    ("a tag, common", "/tickets?tag=vip&sort=created_at"),
    ("without a tag", "/tickets?tag=none"),
    ("a month two years ago", "/tickets?created_from=MONTH&created_to=NEXT"),
    ("a month, counted", "/tickets?created_from=MONTH&created_to=NEXT&include=total"),
    ("everything at once", "/tickets?status=closed&priority=high&category=payment&assignee=AGENT&tag=refund"),
    (
        "nothing fits",
        "/tickets?status=open&category=seller&priority=urgent&tag=spring-sale,gift&sort=created_at",
    ),
    ("a message id", "/tickets?message_id=<nobody@example.org>"),
    ("a rare word", "/tickets?q=4711"),
    ("a middling word", "/tickets?q=telescope"),
    ("a middling word, counted", "/tickets?q=telescope&include=total"),
    ("a very common word", "/tickets?q=order"),
    ("a very common word, counted", "/tickets?q=order&include=total"),
    ("two words", "/tickets?q=replacement%20telescope"),
    ("a phrase", "/tickets?q=%22started%20the%20refund%22"),
    ("a common word, open, urgent", "/tickets?q=order%20is:open%20priority:urgent"),
    ("a word, an agent, a tag", "/tickets?q=refund%20assignee:AGENT%20tag:vip&sort=-created_at"),
    ("a word nobody wrote", "/tickets?q=xylophones"),
    ("with a file", "/tickets?q=has:attachment"),
    ("one ticket", "/tickets/TICKET"),
    ("one ticket, with all", "/tickets/TICKET?include=responses,email_logs,attachments,events,related"),
    ("its responses", "/tickets/TICKET/responses"),
    ("its events", "/tickets/TICKET/events"),
    ("its mails", "/tickets/TICKET/email-logs"),
    ("changes, from the start", "/tickets/changes"),
    ("changes, since last week", "/tickets/changes?since=WEEK"),
    ("/search a middling word", "/search?q=telescope"),
    ("/search a very common word", "/search?q=order"),
    ("/search two words", "/search?q=refund%20berlin"),
    ("/search a name", "/search?q=lena&type=contacts"),
    ("mails out", "/email-logs"),
    ("mails out, oldest first", "/email-logs?sort=created_at"),
    ("mails out, counted", "/email-logs?include=total"),
    ("mails out, sent", "/email-logs?status=sent"),
    ("mails out, failed", "/email-logs?status=failed"),
    ("mails out, deferred", "/email-logs?status=deferred"),
    ("mails out, a recipient's", "/email-logs?recipient=nobody@example.org"),
    ("mails out, a template's", "/email-logs?template=ticket_reply"),
    ("mails out, a word", "/email-logs?q=order"),
    ("mails out, a month", "/email-logs?created_from=MONTH&created_to=NEXT"),
    ("mails in", "/inbound"),
    ("mails in, counted", "/inbound?include=total"),
    ("mails in, by action", "/inbound?action=appended"),
    ("mails in, by kind", "/inbound?kind=auto_reply"),
    ("mails in, a month", "/inbound?received_from=MONTH&received_to=NEXT"),
    ("quarantine", "/quarantine"),
    ("suppressions", "/suppressions"),
    ("queue", "/queue"),
    ("contacts", "/contacts"),
    ("contacts, counted", "/contacts?include=total"),
    ("contacts, a name", "/contacts?q=lena"),
    ("contacts, part of an address", "/contacts?q=ena.w"),
    ("contacts, nobody", "/contacts?q=xylophones"),
    ("contacts, an address", "/contacts?email=nobody@example.org"),
    ("contacts, sellers", "/contacts?type=seller"),
    ("agents", "/agents"),
    ("teams", "/teams"),
    ("templates", "/templates?type=all"),
    ("figures, 30 days", "/stats"),
    ("figures, a day by hours", "/stats?from=YESTERDAY&interval=hour&tz=Europe/Berlin"),
    ("figures, two years by weeks", "/stats?from=LONG&interval=week"),
    ("figures, two years by days", "/stats?from=LONG&interval=day&tz=Europe/Berlin"),
    ("figures by agent", "/stats?group_by=assignee"),
    ("figures by store, two years", "/stats?from=LONG&interval=month&group_by=store_id"),
    ("figures by tag", "/stats?group_by=tag"),
    ("figures of one agent", "/stats?assignee=AGENT"),
    ("figures of a tag", "/stats?tag=vip"),
    ("figures of closed ones, a channel", "/stats?status=closed&channel=email&group_by=category"),
    ("figures of a word", "/stats?q=telescope"),
    ("figures of a very common word", "/stats?q=order"),
    ("figures as CSV", "/stats?format=csv&group_by=category"),
];

/// Fills the database unless it has tickets, asks every question, and says what the answers took.
pub fn measure(url: &str, tickets: u64) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (token, agent) = runtime.block_on(async {
        let desk = open(url).await;
        let agent = fill(&desk, tickets).await;
        (token(&desk).await, agent)
    });
    let http = server::free_port();
    let listen = http.to_string();
    let server = Server::start_with(&[
        ("POSTDESK_STORE_URL", url),
        ("POSTDESK_HTTP_ENABLED", "true"),
        ("POSTDESK_HTTP_LISTEN", &listen),
        ("POSTDESK_API_LIMITS", "off"),
    ]);
    let base = format!("http://{http}/api/support");
    let asker = Asker { client: client(&token), base };
    let worst = runtime.block_on(ask_all(&asker, &agent));
    super::say("  memory after all this", &format!("{:.0} MB", server.resident_mb()));
    super::say("  slowest at the 99th percentile", &format!("{worst:.0} ms (goal < 50)"));
}

/// `sqlite:` in this directory.
pub fn sqlite_in(dir: &Path) -> String {
    format!("sqlite:{}", dir.join("lists.db").display())
}

async fn open(url: &str) -> Desk {
    let store = Store::open(url, 4).await.expect("it opens");
    store.migrate().await.expect("the migrations run");
    let mut config = Config::default();
    config.keys.reply = vec!["a key for measuring, at least thirty-two characters".into()];
    let mut tx = store.begin().await.expect("a turn");
    if tx.active_mailboxes().await.expect("it reads").is_empty() {
        tx.insert_mailbox(&mailbox()).await.expect("it writes");
    }
    tx.commit().await.expect("on disk");
    Desk::open(store, Arc::new(config), Clock::System, Ids::Random).await.expect("it opens")
}

/// The id of an agent who has tickets.
async fn fill(desk: &Desk, tickets: u64) -> String {
    let top = PageOf { start: Start::Top, limit: 1, count: false };
    let known = desk.list_tickets(&[], &search::usual_order(), &top).await.expect("it reads");
    if known.rows.is_empty() {
        let began = Instant::now();
        let wanted = Generate { tickets, responses_per_ticket: 5, seed: 1 };
        let written = std::sync::Mutex::new(0.0);
        let note = |progress| {
            if let Progress::Written(_) = progress {
                *written.lock().expect("no panic") = began.elapsed().as_secs_f64();
            }
        };
        let made = desk.generate_seed(wanted, &note).await.expect("it writes");
        let (took, written) = (began.elapsed().as_secs_f64(), *written.lock().expect("no panic"));
        super::say(
            "  made",
            &format!("{} tickets, {} responses in {took:.0} s", made.tickets, made.responses),
        );
        super::say(
            "  tickets a minute",
            &format!("{:.0} (goal ≥ 100,000)", made.tickets as f64 * 60.0 / took),
        );
        super::say("  without their words", &format!("{:.0}", made.tickets as f64 * 60.0 / written));
    }
    let agents = desk.directory().agents.clone();
    agents.iter().find(|agent| agent.email.starts_with("agent-7@")).expect("it was made").id.to_string()
}

async fn token(desk: &Desk) -> String {
    let new = NewToken { name: "bench".into(), scopes: vec![Scope::Admin], agent_id: None, expires_at: None };
    desk.create_token(new).await.expect("it is given").1
}

struct Asker {
    client: reqwest::Client,
    base: String,
}

fn client(token: &str) -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("authorization", format!("Bearer {token}").parse().expect("ASCII"));
    reqwest::Client::builder().default_headers(headers).build().expect("it needs nothing")
}

/// The slowest question's 99th percentile, ms.
async fn ask_all(asker: &Asker, agent: &str) -> f64 {
    let now = Clock::System.now();
    let day = |ago: i64| now.plus_ms(-ago * 24 * 3_600_000).rfc3339()[..10].to_owned();
    let some = asker.get("/tickets?limit=1&status=resolved").await;
    let ticket = some["data"][0]["id"].as_str().expect("there are tickets");
    let contact = some["data"][0]["requester"]["id"].as_str().expect("somebody wrote it");
    let only = std::env::var("BENCH_QUESTION").unwrap_or_default();
    let mut worst: f64 = 0.0;
    for (what, path) in QUESTIONS.iter().filter(|(what, _)| what.contains(&only)) {
        let path = [
            ("AGENT", agent),
            ("TICKET", ticket),
            ("CONTACT", contact),
            ("MONTH", &day(700)),
            ("NEXT", &day(670)),
            ("WEEK", &day(7)),
            ("YESTERDAY", &day(1)),
            ("LONG", &day(729)),
        ]
        .iter()
        .fold((*path).to_owned(), |path, (name, value)| path.replace(name, value));
        let (first, times) = asker.ask(&path).await;
        worst = worst.max(times.at(0.99));
        super::say(
            &format!("  {what}"),
            &format!("first {first:7.1} ms   p50 {:7.1} ms   p99 {:7.1} ms", times.at(0.5), times.at(0.99)),
        );
    }
    worst
}

impl Asker {
    async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}{path}", self.base)).send().await.expect("it listens");
        let status = answer.status();
        let text = answer.text().await.expect("a whole answer");
        assert!(status.is_success(), "{path}: {status} {text}");
        serde_json::from_str(&text).unwrap_or_default()
    }

    /// What the very first answer took, and all after it, ms.
    async fn ask(&self, path: &str) -> (f64, Times) {
        let (mut times, mut next) = (Vec::new(), path.to_owned());
        for round in 0..=FIRST_PAGES + NEXT_PAGES {
            let began = Instant::now();
            let found = self.get(&next).await;
            times.push(began.elapsed().as_secs_f64() * 1_000.0);
            let cursor = found["pagination"]["next_cursor"].as_str().filter(|_| round >= FIRST_PAGES);
            let mark = if path.contains('?') { '&' } else { '?' };
            next = cursor.map_or_else(|| path.to_owned(), |cursor| format!("{path}{mark}cursor={cursor}"));
        }
        (times.remove(0), Times(times))
    }
}

/// Milliseconds that answers took.
struct Times(Vec<f64>);

impl Times {
    fn at(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let place = (sorted.len() as f64 * share).ceil() as usize;
        sorted.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }
}

fn mailbox() -> Mailbox {
    let at = Timestamp(0);
    Mailbox {
        id: Uuid::from_u128(1),
        address: "support@desk.test".into(),
        from_name: None,
        signature: None,
        receive: "smtp".into(),
        default_category: postdesk::model::Category::General,
        team_id: None,
        store_id: None,
        locale: None,
        is_active: true,
        last_received_at: None,
        last_error: None,
        created_at: at,
        updated_at: at,
        version: 1,
    }
}
