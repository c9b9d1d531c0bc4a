//! What lists and searches ask of the database is found by indexes, in their order: no large table is read whole, and
//! nothing without an end is sorted.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use postdesk::desk::query::{
    Choice, ContactFilter, EmailLogFilter, InboundFilter, Order, Start, TicketFilter, TicketKey, TicketRef,
};
use postdesk::desk::stats::{Interval, Range, StatsRequest};
use postdesk::desk::{ChangesFrom, Find, Generate, Include, PageOf, Search, search};
use postdesk::model::{ContactType, EmailStatus, InboundAction, MailKind, NotificationTemplate, Timestamp};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, PgConnection, Row as _, SqliteConnection};
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use uuid::Uuid;

use crate::support::{App, Engine};

/// So many that the planner of ticket lists takes none of them for few.
const TICKETS: u64 = 2_100;

/// Tables that grow with the mail.
const LARGE: &[&str] = &[
    "tickets",
    "responses",
    "outbox",
    "inbound_mails",
    "ticket_events",
    "contacts",
    "contact_emails",
    "ticket_tags",
    "search",
];

/// Words of statements that sort no more than they bounded before.
const BOUNDED: &[&str] = &[
    "WITH few AS",
    ") AS legs",
    ") AS newest",
    "WHERE ready UNION ALL",
    "ticket_id = ",
    "follow_up_of_id = ",
    "contact_id IN",
    "response_id IN",
    "seq IN",
    "contact_emails WHERE address IN",
    "FROM search",
];

/// The statements that were read with, once each.
#[derive(Clone, Default)]
struct Statements(Arc<Mutex<BTreeSet<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Statements {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        event.record(&mut &*self);
    }
}

impl Visit for &Statements {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "sql" {
            self.0.lock().expect("no panic").insert(value.to_owned());
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

both_engines! {
    async fn lists_and_searches_walk_along_indexes(engine: Engine) {
        let app = App::start(engine).await;
        let wanted = Generate { tickets: TICKETS, responses_per_ticket: 1, seed: 1 };
        app.desk.generate_seed(wanted, &|_| {}).await.expect("it writes");
        let statements = Statements::default();
        let watching = tracing::subscriber::set_default(tracing_subscriber::registry().with(statements.clone()));
        ask_tickets(&app).await;
        ask_mails(&app).await;
        ask_others(&app).await;
        drop(watching);
        let statements = std::mem::take(&mut *statements.0.lock().expect("no panic"));
        assert!(statements.len() > 60, "only {} statements seen", statements.len());
        let mut wrong = Vec::new();
        for sql in statements {
            let plan = match engine {
                Engine::Sqlite => sqlite_plan(&app.database.url, &sql).await,
                Engine::Postgres => postgres_plan(&app.database.url, &sql).await,
            };
            if plan.iter().any(|line| reads_whole(line) || engine == Engine::Sqlite && sorts(line) && !BOUNDED.iter().any(|words| sql.contains(words))) {
                wrong.push(format!("{sql}\n    {}", plan.join("\n    ")));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    }
}

const TOP: PageOf = PageOf { start: Start::Top, limit: 25, count: false };

async fn ask_tickets(app: &App) {
    let agent = app.desk.directory().agents[0].id;
    let keys = [
        TicketKey::CreatedAt,
        TicketKey::UpdatedAt,
        TicketKey::WaitingSince,
        TicketKey::Priority,
        TicketKey::Number,
        TicketKey::LastCustomerMessageAt,
    ];
    let typed = [
        String::new(),
        "is:open".into(),
        "is:open,closed".into(),
        "tag:vip".into(),
        "priority:urgent category:payment".into(),
        format!("assignee:{agent} is:closed"),
        "after:2020-01-01 before:2030-01-01".into(),
        "order".into(),
        "order is:open tag:vip".into(),
    ];
    for text in typed {
        let mut filters = search::parse(&text, None).expect("a search");
        filters.push(TicketFilter::Spam(false));
        for (key, descending) in keys.iter().flat_map(|key| [(*key, false), (*key, true)]) {
            let order = [Order { key, descending }];
            let first = app.desk.list_tickets(&filters, &order, &TOP).await.expect("it reads");
            let Some(last) = first.rows.last() else { continue };
            let keys = vec![key.of(&last.ticket, descending), last.ticket.id.into()];
            for start in [Start::After(keys.clone()), Start::Before(keys)] {
                let page = PageOf { start, ..TOP };
                app.desk.list_tickets(&filters, &order, &page).await.expect("it reads");
            }
        }
    }
}

async fn ask_mails(app: &App) {
    let (long_ago, ticket) = (Timestamp(1), TicketRef::Id(Uuid::nil()));
    let several = |any: &[EmailStatus]| Choice { any: any.to_vec(), none: false, negated: false };
    let logs = [
        EmailLogFilter::Status(several(EmailStatus::ALL)),
        EmailLogFilter::Status(several(&[EmailStatus::Failed])),
        EmailLogFilter::Status(several(&[EmailStatus::Queued])),
        EmailLogFilter::Template(Choice::only(NotificationTemplate::TicketMerged)),
        EmailLogFilter::Recipient("jo@shop.test".into()),
        EmailLogFilter::From("support@desk.test".into()),
        EmailLogFilter::Ticket(ticket.clone()),
        EmailLogFilter::MessageId("a@b".into(), None),
        EmailLogFilter::CreatedFrom(long_ago),
        EmailLogFilter::CreatedTo(long_ago),
        EmailLogFilter::Words("refund".into()),
    ];
    let starts =
        [Start::Top, Start::After(vec![Uuid::nil().into()]), Start::Before(vec![Uuid::nil().into()])];
    for (filter, start) in logs.iter().flat_map(|filter| starts.iter().map(move |start| (filter, start))) {
        let page = PageOf { start: start.clone(), ..TOP };
        app.desk.list_email_logs(std::slice::from_ref(filter), true, &page).await.expect("it reads");
    }
    let mails = [
        InboundFilter::Action(Choice { any: InboundAction::ALL.to_vec(), none: false, negated: false }),
        InboundFilter::Action(Choice::only(InboundAction::Bounce)),
        InboundFilter::Kind(Choice::only(MailKind::Loop)),
        InboundFilter::From("jo@shop.test".into()),
        InboundFilter::Ticket(ticket),
        InboundFilter::MessageId("a@b".into()),
        InboundFilter::Held,
        InboundFilter::ReceivedFrom(long_ago),
        InboundFilter::ReceivedTo(long_ago),
    ];
    for (filter, start) in mails.iter().flat_map(|filter| starts.iter().map(move |start| (filter, start))) {
        let page = PageOf { start: start.clone(), ..TOP };
        app.desk.list_inbound(std::slice::from_ref(filter), true, &page).await.expect("it reads");
    }
}

async fn ask_others(app: &App) {
    let contacts = [
        ContactFilter::Email(Choice::only("jo@shop.test".into())),
        ContactFilter::UserId(Choice::only("7".into())),
        ContactFilter::SellerId(Choice::only("7".into())),
        ContactFilter::StoreId(Choice::only("7".into())),
        ContactFilter::Type(Choice::only(ContactType::Seller)),
        ContactFilter::Words("lena weber".into()),
    ];
    for filter in contacts {
        app.desk.list_contacts(&[filter], &TOP).await.expect("it reads");
    }
    let since = ChangesFrom::Time { at: Timestamp(0), id: Uuid::nil(), mark: None, epoch: String::new() };
    app.desk.ticket_changes(&since, 100).await.expect("it reads");
    let some = app.desk.list_tickets(&[], &search::usual_order(), &TOP).await.expect("it reads");
    let all = Include {
        responses: true,
        notes: true,
        email_logs: true,
        attachments: true,
        events: true,
        related: true,
    };
    app.desk.ticket(&TicketRef::Id(some.rows[0].ticket.id), all).await.expect("it reads");
    for _first_and_changed_since in 0..2 {
        let now = app.clock.now();
        let range = Range { from: now.plus_ms(-30 * 86_400_000), to: now, tz: chrono_tz::UTC };
        let slots = range.slots(Interval::Day).expect("few");
        let filters = search::parse("order is:open", None).expect("a search");
        let request = StatsRequest { range, slots, filters, is_filtered: true, group_by: None };
        app.desk.stats(request).await.expect("it counts");
    }
    let filters = search::parse("refund is:open", None).expect("a search");
    let kinds = vec![Find::Ticket, Find::Response, Find::Contact];
    app.desk.search(&Search { filters, kinds, notes: true, limit: 25 }).await.expect("it reads");
}

fn reads_whole(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '-', '>']);
    LARGE
        .iter()
        .any(|table| line == format!("SCAN {table}") || line.starts_with(&format!("Seq Scan on {table} ")))
}

fn sorts(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '-', '>']);
    line.starts_with("USE TEMP B-TREE") || line.starts_with("Sort ")
}

async fn sqlite_plan(url: &str, sql: &str) -> Vec<String> {
    let mut connection = SqliteConnection::connect(url).await.expect("it opens");
    let plan = connection.fetch_all(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"))).await;
    plan.expect(sql).iter().map(|row| row.get("detail")).collect()
}

/// Without values, as a plan for any. So few rows are best read whole: what matters is whether there is another way.
async fn postgres_plan(url: &str, sql: &str) -> Vec<String> {
    let mut connection = PgConnection::connect(url).await.expect("it answers");
    let limited = regex::Regex::new(r"LIMIT \$(\d+)")
        .expect("a pattern")
        .replace_all(sql, "LIMIT COALESCE(26, $$$1)")
        .into_owned();
    let places =
        (1..=sql.matches('$').count()).rev().find(|n| limited.contains(&format!("${n}"))).unwrap_or(0);
    let nothing = vec!["NULL"; places].join(", ");
    let execute = if places == 0 { "EXECUTE it".into() } else { format!("EXECUTE it ({nothing})") };
    let set = "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";
    connection.execute(set).await.expect("known");
    connection.execute(AssertSqlSafe(format!("PREPARE it AS {limited}"))).await.expect(&limited);
    let plan = connection.fetch_all(AssertSqlSafe(format!("EXPLAIN {execute}"))).await;
    plan.expect(&limited).iter().map(|row| row.get(0)).collect()
}
