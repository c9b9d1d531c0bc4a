//! Lists and searches on a large desk: what a page costs, by kind of question.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use postdesk::clock::{Clock, Ids};
use postdesk::config::Config;
use postdesk::desk::query::{EmailLogFilter, Order, Param, Start, TicketFilter, TicketKey};
use postdesk::desk::{ChangesFrom, Desk, Find, Generate, PageOf, Search, search};
use postdesk::model::{EmailStatus, Mailbox, Timestamp};
use postdesk::store::Store;
use uuid::Uuid;

/// Pages of each question: the first one so often, then on from there.
const FIRST_PAGES: usize = 20;
const NEXT_PAGES: usize = 20;

/// A question: what it is called, what is typed, what it is sorted by.
type Question = (&'static str, &'static str, TicketKey, bool);

const QUESTIONS: &[Question] = &[
    ("all, last changed first", "", TicketKey::UpdatedAt, true),
    ("all, oldest first", "", TicketKey::CreatedAt, false),
    ("all, by number", "", TicketKey::Number, false),
    ("all, most urgent first", "", TicketKey::Priority, true),
    ("all, longest waiting first", "", TicketKey::WaitingSince, false),
    ("all, customer wrote last", "", TicketKey::LastCustomerMessageAt, true),
    ("open, last changed first", "is:open", TicketKey::UpdatedAt, true),
    ("open, oldest first", "is:open,in_progress,pending", TicketKey::CreatedAt, false),
    ("open, longest waiting first", "is:open,in_progress", TicketKey::WaitingSince, false),
    ("open, most urgent first", "is:open", TicketKey::Priority, true),
    ("closed, oldest first", "is:closed", TicketKey::CreatedAt, false),
    ("an agent's open ones", "is:open assignee:AGENT", TicketKey::UpdatedAt, true),
    ("an agent's, oldest first", "assignee:AGENT", TicketKey::CreatedAt, false),
    ("a rare kind, closed", "is:closed category:account priority:urgent", TicketKey::UpdatedAt, true),
    ("a tag, rare", "tag:spring-sale", TicketKey::UpdatedAt, true),
    ("a tag, common", "tag:vip", TicketKey::CreatedAt, false),
    ("a month two years ago", "after:MONTH before:NEXT", TicketKey::UpdatedAt, true),
    (
        "everything at once",
        "is:closed priority:high category:payment assignee:AGENT tag:refund",
        TicketKey::UpdatedAt,
        true,
    ),
    (
        "nothing fits",
        "is:open category:seller priority:urgent tag:spring-sale,gift",
        TicketKey::CreatedAt,
        false,
    ),
    ("a rare word", "4711", TicketKey::UpdatedAt, true),
    ("a middling word", "telescope", TicketKey::UpdatedAt, true),
    ("a very common word", "order", TicketKey::UpdatedAt, true),
    ("two words", "replacement telescope", TicketKey::UpdatedAt, true),
    ("a phrase", "\"started the refund\"", TicketKey::UpdatedAt, true),
    ("a common word, open, urgent", "order is:open priority:urgent", TicketKey::UpdatedAt, true),
    ("a word, an agent, a tag", "refund assignee:AGENT tag:vip", TicketKey::CreatedAt, true),
    ("a word nobody wrote", "xylophones", TicketKey::UpdatedAt, true),
];

/// Milliseconds that answers took.
struct Times(Vec<f64>);

impl Times {
    fn at(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let place = (sorted.len() as f64 * share).ceil() as usize;
        sorted.get(place.saturating_sub(1)).copied().unwrap_or(f64::NAN)
    }

    fn say(&self, what: &str) {
        super::say(
            &format!("  {what}"),
            &format!("p50 {:7.1} ms   p99 {:7.1} ms", self.at(0.5), self.at(0.99)),
        );
    }
}

/// Fills the database unless it has tickets, asks every question, and says what the answers took.
pub fn measure(url: &str, tickets: u64) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let desk = open(url).await;
        let agent = fill(&desk, tickets).await;
        for question in QUESTIONS {
            ask(&desk, question, &agent).await;
        }
        other_lists(&desk).await;
    });
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
            if let postdesk::desk::Progress::Written(_) = progress {
                *written.lock().expect("no panic") = began.elapsed().as_secs_f64();
            }
        };
        let made = desk.generate_seed(wanted, &note).await.expect("it writes");
        let (took, written) = (began.elapsed().as_secs_f64(), *written.lock().expect("no panic"));
        super::say(
            "  made",
            &format!("{} tickets, {} responses in {took:.0} s", made.tickets, made.responses),
        );
        super::say("  tickets a minute", &format!("{:.0}", made.tickets as f64 * 60.0 / took));
        super::say("  without their words", &format!("{:.0}", made.tickets as f64 * 60.0 / written));
    }
    let agents = desk.directory().agents.clone();
    agents.iter().find(|agent| agent.email.starts_with("agent-7@")).expect("it was made").id.to_string()
}

async fn ask(desk: &Desk, (what, text, key, descending): &Question, agent: &str) {
    let now = desk.clock().now();
    let day = |ago: i64| now.plus_ms(-ago * 24 * 3_600_000).rfc3339()[..10].to_owned();
    let text = text.replace("AGENT", agent).replace("MONTH", &day(700)).replace("NEXT", &day(670));
    let mut filters = search::parse(&text, None).expect("a search");
    filters.push(TicketFilter::Spam(false));
    let order = [Order { key: *key, descending: *descending }];
    let (mut times, mut start) = (Vec::new(), Start::Top);
    for round in 0..FIRST_PAGES + NEXT_PAGES {
        let page = PageOf { start: start.clone(), limit: 25, count: false };
        let began = Instant::now();
        let found = desk.list_tickets(&filters, &order, &page).await.expect("it reads");
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
        let Some(last) = found.rows.last().filter(|_| found.has_next && round >= FIRST_PAGES) else {
            continue;
        };
        start = Start::After(vec![key.of(&last.ticket, *descending), Param::Id(last.ticket.id)]);
    }
    Times(times).say(what);
}

async fn other_lists(desk: &Desk) {
    let top = PageOf { start: Start::Top, limit: 25, count: false };
    for status in [EmailStatus::Sent, EmailStatus::Failed, EmailStatus::Deferred] {
        let filters = [EmailLogFilter::Status(postdesk::desk::query::Choice::only(status))];
        let times =
            repeat(async || drop(desk.list_email_logs(&filters, true, &top).await.expect("it reads"))).await;
        times.say(&format!("email logs, {status}"));
    }
    repeat(async || drop(desk.list_inbound(&[], true, &top).await.expect("it reads"))).await.say("ledger");
    let since = ChangesFrom::Time { at: Timestamp(0), id: Uuid::nil(), mark: None, epoch: String::new() };
    repeat(async || drop(desk.ticket_changes(&since, 100).await.expect("it reads"))).await.say("changes");
    for words in ["telescope", "order", "refund berlin"] {
        let filters = search::parse(words, None).expect("a search");
        let kinds = vec![Find::Ticket, Find::Response, Find::Contact];
        let wanted = Search { filters, kinds, notes: true, limit: 25 };
        let times = repeat(async || drop(desk.search(&wanted).await.expect("it reads"))).await;
        times.say(&format!("/search {words}"));
    }
}

async fn repeat(mut work: impl AsyncFnMut()) -> Times {
    let mut times = Vec::new();
    for _ in 0..FIRST_PAGES {
        let began = Instant::now();
        work().await;
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    Times(times)
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
