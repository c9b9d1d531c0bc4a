//! The desk in figures, against a plain count of what stands in the database.

mod plain;

use axum::body::Body;
use postdesk::clock::Ids;
use postdesk::desk::{Desk, NewToken};
use postdesk::model::Scope;
use serde_json::{Value, json};

use super::call::{Answer, Client};
use super::{PARCEL, mail_in};
use crate::support::App;
use plain::Plain;

const HOUR_MS: i64 = 3_600_000;

/// Numbers that repeat from run to run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % bound
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const STATUSES: [&str; 6] =
    ["open", "in_progress", "waiting_customer", "waiting_third_party", "resolved", "closed"];

/// A desk where things happen: an admin's client, and an agent's.
struct Busy {
    app: App,
    admin: Client,
    ada: Client,
    ada_id: String,
    numbers: Vec<String>,
    dice: Dice,
}

impl Busy {
    async fn start(app: App, seed: u64) -> Self {
        let admin = Client::admin(&app.desk).await;
        let agents = admin.get("/agents").await.json();
        let ada_id = agents["data"][0]["id"].as_str().expect("an id").to_owned();
        let token = NewToken {
            name: "ada".into(),
            agent_id: ada_id.parse().ok(),
            scopes: vec![Scope::Admin],
            expires_at: None,
        };
        let ada = Client::with(&app.desk, token).await;
        Self { app, admin, ada, ada_id, numbers: Vec::new(), dice: Dice(seed) }
    }

    /// One thing happens.
    async fn step(&mut self) {
        self.app.clock.advance_ms(1 + self.dice.below(5 * 3_600_000) as i64);
        match self.dice.below(10) {
            0..3 => self.open().await,
            3 => {
                let id = self.app.clock.now().0;
                let mail = PARCEL.replace("c1@", &format!("m{id}@"));
                assert!(mail_in(&self.app.desk, "jo@example.org", &mail).await.inbound().is_some());
            }
            4..6 => self.reply().await,
            6..8 => self.turn("status", &STATUSES, "/status").await,
            8 => self.deliver().await,
            _ => self.hide().await,
        }
    }

    async fn open(&mut self) {
        let mut body =
            json!({"subject": "Lid", "description": "It broke.", "customer_email": "jo@example.org"});
        body["priority"] = self.dice.one(&["low", "medium", "high", "urgent"]).into();
        body["category"] = self.dice.one(&["general", "shipping", "payment"]).into();
        body["store_id"] = [json!("st_1"), json!("st_2"), Value::Null][self.dice.below(3)].clone();
        body["tags"] = [json!([]), json!(["vip"]), json!(["vip", "late"])][self.dice.below(3)].clone();
        if self.dice.below(2) == 0 {
            body["assignee_id"] = json!(self.ada_id);
        }
        let answer = self.admin.json("POST", "/tickets", &body).await;
        assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
        self.numbers.push(answer.json()["number"].as_str().expect("a number").to_owned());
    }

    async fn reply(&mut self) {
        let Some(number) = self.some() else { return };
        let body =
            json!({"body": "On its way.", "visibility": self.dice.one(&["public", "public", "internal"])});
        self.ada.json("POST", &format!("/tickets/{number}/responses"), &body).await;
    }

    async fn turn(&mut self, member: &str, words: &[&str], path: &str) {
        let Some(number) = self.some() else { return };
        let body = json!({ member: self.dice.one(words) });
        self.admin.json("PATCH", &format!("/tickets/{number}{path}"), &body).await;
    }

    /// Mails come to their end, or change it.
    async fn deliver(&mut self) {
        let status = self.dice.one(&["sent", "delivered", "bounced", "failed", "suppressed", "deferred"]);
        let now = self.app.clock.now().0;
        let some = ["queued", "sent", "failed"][self.dice.below(3)];
        let sql = format!(
            "UPDATE outbox SET status = '{status}', changed_at = {now} WHERE status = '{some}' RETURNING status"
        );
        self.app.database.texts(&sql).await;
    }

    async fn hide(&mut self) {
        let Some(number) = self.some() else { return };
        let now = self.app.clock.now().0;
        let what =
            ["is_spam = TRUE".to_owned(), format!("deleted_at = {now}"), "deleted_at = NULL".to_owned()];
        let what = &what[self.dice.below(3)];
        let sql = format!(
            "UPDATE tickets SET {what}, updated_at = {now} WHERE number = '{number}' RETURNING number"
        );
        self.app.database.texts(&sql).await;
    }

    fn some(&mut self) -> Option<String> {
        if self.numbers.is_empty() {
            return None;
        }
        let place = self.dice.below(self.numbers.len());
        Some(self.numbers[place].clone())
    }
}

both_engines! {
    /// Whatever happens, in any order, the figures are those of somebody who counts every row by hand.
    async fn figures_are_those_of_a_plain_count(engine: Engine) {
        let mut busy = Busy::start(App::start(engine).await, 7).await;
        for round in 0..45 {
            for _ in 0..3 {
                busy.step().await;
            }
            let hours = 1 + busy.dice.below(300) as i64;
            let to = busy.app.clock.now().plus_ms(1 - HOUR_MS * busy.dice.below(24) as i64);
            let from = to.plus_ms(-hours * HOUR_MS);
            let filter = busy.dice.one(&["", "store_id=st_1", "tag=vip", "tag=none", "assignee=me", "assignee=!none",
                "status=!closed", "priority=high,urgent", "category=shipping&channel=api", "requester=jo@example.org"]);
            let group = busy.dice.one(&["store_id", "status", "tag", "category", "priority", "channel"]);
            let query = format!("from={}&to={}&group_by={group}&{filter}", from.rfc3339(), to.rfc3339());
            let got = busy.ada.get(&format!("/stats?{query}")).await;
            assert_eq!(got.status.as_u16(), 200, "{got:?}");
            let want = Plain::read(&busy.app.database, filter).await.count(from.0, to.0, group);
            let got = got.json();
            for (member, want) in want.as_object().expect("an object") {
                assert_eq!(&got[member], want, "round {round}: {member} of {query}");
            }
        }
    }

    /// Each member of the contract is there, a ticket counts as soon as it is stored, and a client may keep the answer.
    async fn a_ticket_counts_as_soon_as_it_is_stored(engine: Engine) {
        let mut busy = Busy::start(App::start(engine).await, 1).await;
        let empty = busy.admin.get("/stats").await;
        assert_eq!(empty.header("cache-control"), "private, max-age=30");
        assert_eq!(empty.json()["response_times"]["first_response_seconds"], json!({"median": null, "p90": null, "average": null}));
        busy.open().await;
        busy.app.clock.advance_ms(90_000);
        busy.reply().await;
        while busy.admin.get("/stats").await.json()["response_times"]["first_response_seconds"]["median"].is_null() {
            busy.reply().await;
        }
        let stats = busy.admin.get("/stats?group_by=status&tz=Europe/Berlin").await.json();
        let mut members: Vec<_> = stats.as_object().expect("an object").keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["agents", "email", "groups", "range", "response_times", "series", "sla", "tickets"]);
        assert_eq!(stats["range"], json!({"from": "2026-01-31T09:01:30.001Z", "to": "2026-03-02T09:01:30.001Z", "tz": "Europe/Berlin"}));
        assert_eq!(stats["tickets"]["by_status"], json!({"open": 0, "in_progress": 1, "waiting_customer": 0, "waiting_third_party": 0, "resolved": 0, "closed": 0}));
        assert_eq!(stats["response_times"]["first_response_seconds"], json!({"median": 90, "p90": 90, "average": 90}));
        assert_eq!(stats["response_times"]["business_hours"], false);
        assert_eq!((&stats["agents"][0]["name"], &stats["agents"][0]["csat"]), (&json!("Ada Agent"), &Value::Null));
        assert_eq!(stats["groups"], json!([{"key": "in_progress", "total": 1, "created": 1, "resolved": 0}]));
        assert_eq!(stats["series"].as_array().map(Vec::len), Some(31));
        let last = stats["series"][30].clone();
        assert_eq!((&last["at"], &last["created"]), (&json!("2026-03-02"), &json!(1)));
    }

    /// What another node writes counts here too, and demo data that comes and goes with its old times.
    async fn another_nodes_tickets_count(engine: Engine) {
        let app = App::start(engine).await;
        let config = app.desk.config().clone();
        let other = Desk::open(app.store.clone(), config, app.clock.clone(), Ids::seeded(2)).await.expect("it opens");
        let here = Client::admin(&app.desk).await;
        let total = async || here.get("/stats").await.json()["tickets"]["total"].clone();
        assert_eq!(total().await, 0);
        assert!(mail_in(&other, "jo@example.org", PARCEL).await.inbound().is_some());
        assert_eq!(total().await, 1);
        other.load_seed().await.expect("it loads");
        assert_eq!(total().await, 6);
        other.clean_seed().await.expect("it cleans");
        assert_eq!(total().await, 1);
    }

    /// The day the clocks go on has 23 hours, and a ticket of its last one still is that day's.
    async fn days_are_those_of_the_time_zone(engine: Engine) {
        let mut busy = Busy::start(App::start(engine).await, 3).await;
        // Sunday, 29 March 2026, 21:30 and 22:30 UTC: 23:30 there, then 00:30 the next day.
        busy.app.clock.advance_ms((27 * 24 + 12) * HOUR_MS + HOUR_MS / 2);
        busy.open().await;
        busy.app.clock.advance_ms(HOUR_MS);
        busy.open().await;
        let days = async |query: &str| {
            let stats = busy.admin.get(&format!("/stats?{query}")).await.json();
            let series = stats["series"].as_array().expect("a list").clone();
            series.iter().map(|p| (p["at"].as_str().unwrap_or_default().to_owned(), p["created"].as_u64())).collect::<Vec<_>>()
        };
        let day = |at: &str, created| (at.to_owned(), Some(created));
        let berlin = days("from=2026-03-28&to=2026-03-31&tz=Europe/Berlin").await;
        assert_eq!(berlin, [day("2026-03-28", 0), day("2026-03-29", 1), day("2026-03-30", 1)]);
        let utc = days("from=2026-03-28&to=2026-03-31").await;
        assert_eq!(utc, [day("2026-03-28", 0), day("2026-03-29", 2), day("2026-03-30", 0)]);
        let weeks = days("from=2026-03-23&to=2026-04-06&tz=Europe/Berlin&interval=week").await;
        assert_eq!(weeks, [day("2026-03-23", 1), day("2026-03-30", 1)]);
        let hours = days("from=2026-03-29&to=2026-03-30&tz=Europe/Berlin&interval=hour").await;
        assert_eq!((hours.len(), &hours[22]), (23, &day("2026-03-29T23:00:00+02:00", 1)));
    }

    /// A table is the series, or the groups; what looks like a formula is made text.
    async fn a_table_is_made_for_spreadsheets(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::admin(&app.desk).await;
        for tags in [json!(["=1+1", "a,b"]), json!(["a,b"]), json!([])] {
            let body = json!({"subject": "Lid", "description": "It broke.", "customer_email": "jo@example.org", "tags": tags});
            assert_eq!(api.json("POST", "/tickets", &body).await.status.as_u16(), 201);
        }
        let series = api.get("/stats?from=2026-03-01&to=2026-03-03&format=csv").await;
        assert_eq!(text(&series), "at,created,resolved,emails_sent\r\n2026-03-01,0,0,0\r\n2026-03-02,3,0,0\r\n");
        let asked = api.request("GET", "/stats?group_by=tag").header("accept", "text/csv").body(Body::empty());
        let groups = api.send(asked.expect("a request")).await;
        assert_eq!(text(&groups), "key,total,created,resolved\r\n\"a,b\",2,2,0\r\n,1,1,0\r\n'=1+1,1,1,0\r\n");
        assert_eq!(groups.header("content-type"), "text/csv; charset=utf-8; header=present");
        let refused = api.request("GET", "/stats").header("accept", "image/png").body(Body::empty());
        assert_eq!(api.send(refused.expect("a request")).await.problem(), (406, "not_acceptable".into()));
    }

    async fn what_cant_be_counted_is_refused(engine: Engine) {
        let app = App::start(engine).await;
        let api = Client::new(&app.desk, &[Scope::StatsRead]).await;
        for (query, parameter) in [
            ("from=yesterday", "from"),
            ("from=2026-13-01", "from"),
            ("from=2026-03-02&to=2026-03-01", "from"),
            ("to=1969-01-01", "to"),
            ("tz=Mars/Olympus", "tz"),
            ("interval=minute", "interval"),
            ("from=2020-01-01&interval=hour", "interval"),
            ("group_by=subject", "group_by"),
            ("format=xml", "format"),
            ("status=asleep", "status"),
        ] {
            let answer = api.get(&format!("/stats?{query}")).await;
            assert_eq!(answer.problem(), (400, "invalid_parameter".into()), "{query}");
            assert_eq!(answer.json()["errors"][0]["parameter"], parameter, "{query}");
        }
        assert_eq!(api.get("/stats?colour=red").await.problem(), (400, "unknown_parameter".into()));
        assert_eq!(api.get("/stats?interval=WEEK&group_by=Store-ID&from=2024-01-01").await.status.as_u16(), 200);
        let blind = Client::new(&app.desk, &[Scope::TicketsRead]).await;
        assert_eq!(blind.get("/stats").await.problem(), (403, "insufficient_scope".into()));
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}
