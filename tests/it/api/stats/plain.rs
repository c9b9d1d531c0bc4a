//! A count by hand: every row is read, and nothing is remembered.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::Database;

/// What stands in the database, as far as the question is about it.
pub struct Plain {
    tickets: Vec<Ticket>,
    replies: Vec<(String, i64)>,
    /// Ticket, status, time.
    mails_out: Vec<(String, String, i64)>,
    mails_in: Vec<(String, String, i64)>,
    is_filtered: bool,
}

struct Ticket {
    number: String,
    words: BTreeMap<&'static str, String>,
    tags: Vec<String>,
    created: i64,
    first: Option<i64>,
    resolved: Option<i64>,
    reopened: Option<i64>,
}

const TICKETS: &str = "SELECT number || '|' || status || '|' || priority || '|' || category || '|' || channel || '|' || \
    COALESCE(store_id, '') || '|' || CASE WHEN assignee_id IS NULL THEN '' ELSE 'ada' END || '|' || tags || '|' || \
    CAST(created_at AS TEXT) || '|' || COALESCE(CAST(first_response_at AS TEXT), '') || '|' || \
    COALESCE(CAST(resolved_at AS TEXT), '') || '|' || COALESCE(CAST(reopened_at AS TEXT), '') \
    FROM tickets WHERE deleted_at IS NULL AND is_spam = FALSE";
const REPLIES: &str = "SELECT t.number || '|' || '' || '|' || CAST(r.created_at AS TEXT) FROM responses r JOIN tickets t \
    ON t.id = r.ticket_id WHERE r.author_type = 'agent' AND r.visibility = 'public' AND r.author_id IS NOT NULL";
const MAILS_OUT: &str = "SELECT COALESCE(t.number, '') || '|' || o.status || '|' || CAST(o.created_at AS TEXT) \
    FROM outbox o LEFT JOIN tickets t ON t.id = o.ticket_id";
const MAILS_IN: &str = "SELECT COALESCE(t.number, '') || '|' || i.action || '|' || CAST(i.received_at AS TEXT) \
    FROM inbound_mails i LEFT JOIN tickets t ON t.id = i.ticket_id";

impl Plain {
    /// Reads what passes a filter of the test's.
    pub async fn read(database: &Database, filter: &str) -> Self {
        let mut tickets: Vec<_> = database.texts(TICKETS).await.iter().map(|row| ticket(row)).collect();
        tickets.retain(|ticket| passes(ticket, filter));
        let replies = logs(database, REPLIES).await.into_iter().map(|(number, _, at)| (number, at)).collect();
        let mails_out = logs(database, MAILS_OUT).await;
        let mails_in = logs(database, MAILS_IN).await;
        Self { tickets, replies, mails_out, mails_in, is_filtered: !filter.is_empty() }
    }

    /// The members of the answer.
    pub fn count(&self, from: i64, to: i64, group_by: &str) -> Value {
        let within = |at: Option<i64>| at.filter(|at| (from..to).contains(at));
        let count = |of: &dyn Fn(&Ticket) -> bool| self.tickets.iter().filter(|t| of(t)).count();
        let by = |what: &'static str, all: &[&str]| {
            let each = all.iter().map(|word| ((*word).to_owned(), count(&|t| t.words[what] == *word)));
            each.collect::<BTreeMap<_, _>>()
        };
        let categories: BTreeMap<_, _> =
            by("category", &["general", "shipping", "payment"]).into_iter().filter(|(_, n)| *n > 0).collect();
        let ended = |t: &Ticket| ["resolved", "closed"].contains(&t.words["status"].as_str());
        let took = |end: &dyn Fn(&Ticket) -> Option<i64>| {
            spread(self.tickets.iter().filter_map(|t| Some((within(end(t))? - t.created) / 1_000)).collect())
        };
        json!({
            "tickets": {
                "total": self.tickets.len(), "open": count(&|t| !ended(t)),
                "created": count(&|t| within(Some(t.created)).is_some()),
                "resolved": count(&|t| within(t.resolved).is_some()),
                "reopened": count(&|t| within(t.reopened).is_some()),
                "by_status": by("status", &super::STATUSES), "by_category": categories,
                "by_priority": by("priority", &["low", "medium", "high", "urgent"]),
            },
            "response_times": {
                "first_response_seconds": took(&|t| t.first), "resolution_seconds": took(&|t| t.resolved),
                "business_hours": false,
            },
            "agents": self.agents(from, to),
            "email": self.email(from, to),
            "groups": self.groups(from, to, group_by),
            "series": self.series(from, to),
        })
    }

    fn known(&self, number: &str) -> bool {
        self.tickets.iter().any(|ticket| ticket.number == number)
    }

    fn agents(&self, from: i64, to: i64) -> Value {
        let within = |at: Option<i64>| at.filter(|at| (from..to).contains(at));
        let hers: Vec<_> = self.tickets.iter().filter(|t| t.words["assignee"] == "ada").collect();
        let replies = self
            .replies
            .iter()
            .filter(|(number, at)| within(Some(*at)).is_some() && self.known(number))
            .count();
        let resolved = hers.iter().filter(|t| within(t.resolved).is_some()).count();
        let firsts: Vec<_> =
            hers.iter().filter_map(|t| Some((within(t.first)? - t.created) / 1_000)).collect();
        if replies + resolved + firsts.len() == 0 {
            return json!([]);
        }
        let id = crate::support::app::agent("Ada Agent", crate::support::app::AGENT).id;
        json!([{"id": id, "name": "Ada Agent", "replies": replies, "resolved": resolved,
            "first_response_median_seconds": spread(firsts)["median"], "csat": null}])
    }

    fn mails<'a>(&self, mails: &'a [(String, String, i64)], from: i64, to: i64) -> Vec<(&'a str, i64)> {
        let counts = |(number, _, at): &&(String, String, i64)| {
            (from..to).contains(at) && (!self.is_filtered || self.known(number))
        };
        mails.iter().filter(counts).map(|(_, status, at)| (status.as_str(), *at)).collect()
    }

    fn email(&self, from: i64, to: i64) -> Value {
        let out = self.mails(&self.mails_out, from, to);
        let inbound = self.mails(&self.mails_in, from, to);
        let of = |all: &[&str]| out.iter().filter(|(status, _)| all.contains(status)).count();
        let (delivered, bounced, failed) = (of(&["sent", "delivered"]), of(&["bounced"]), of(&["failed"]));
        let sent = delivered + bounced + failed;
        let rate = (sent > 0).then(|| (delivered as f64 / sent as f64 * 10_000.0).round() / 10_000.0);
        json!({
            "queued": of(&["queued", "sending", "deferred"]), "sent": sent, "delivered": delivered, "bounced": bounced,
            "failed": failed, "success_rate": rate, "inbound": inbound.len(),
            "quarantined": inbound.iter().filter(|(action, _)| *action == "quarantined").count(),
        })
    }

    fn groups(&self, from: i64, to: i64, by: &str) -> Value {
        let mut groups: BTreeMap<Option<String>, [usize; 3]> = BTreeMap::new();
        for ticket in &self.tickets {
            let keys: Vec<Option<String>> = match by {
                "tag" if ticket.tags.is_empty() => vec![None],
                "tag" => ticket.tags.iter().cloned().map(Some).collect(),
                word => vec![Some(ticket.words[word].clone()).filter(|value| !value.is_empty())],
            };
            for key in keys {
                let group = groups.entry(key).or_default();
                group[0] += 1;
                group[1] += usize::from((from..to).contains(&ticket.created));
                group[2] += usize::from(ticket.resolved.is_some_and(|at| (from..to).contains(&at)));
            }
        }
        let mut groups: Vec<_> = groups.into_iter().collect();
        groups.sort_by_key(|(_, counts)| std::cmp::Reverse(counts[0]));
        let shown = |(key, [total, created, resolved]): (Option<String>, [usize; 3])| json!({"key": key, "total": total, "created": created, "resolved": resolved});
        groups.into_iter().map(shown).collect()
    }

    /// Days, UTC.
    fn series(&self, from: i64, to: i64) -> Value {
        const DAY: i64 = 86_400_000;
        let days = (from.div_euclid(DAY)..=(to - 1).div_euclid(DAY)).map(|day| {
            let (begin, end) = ((day * DAY).max(from), ((day + 1) * DAY).min(to));
            let within = |at: i64| (begin..end).contains(&at);
            let sent = self.mails(&self.mails_out, begin, end);
            json!({
                "at": &postdesk::model::Timestamp(day * DAY).rfc3339()[..10],
                "created": self.tickets.iter().filter(|t| within(t.created)).count(),
                "resolved": self.tickets.iter().filter(|t| t.resolved.is_some_and(within)).count(),
                "emails_sent": sent.iter().filter(|(s, _)| ["sent", "delivered", "bounced", "failed"].contains(s)).count(),
            })
        });
        days.collect()
    }
}

fn ticket(row: &str) -> Ticket {
    let fields: Vec<_> = row.split('|').collect();
    let names = ["status", "priority", "category", "channel", "store_id", "assignee"];
    let words = names.into_iter().zip(&fields[1..]).map(|(name, word)| (name, (*word).to_owned())).collect();
    let time = |place: usize| fields[place].parse().ok();
    Ticket {
        number: fields[0].to_owned(),
        words,
        tags: serde_json::from_str(fields[7]).expect("a list"),
        created: time(8).expect("a time"),
        first: time(9),
        resolved: time(10),
        reopened: time(11),
    }
}

async fn logs(database: &Database, sql: &str) -> Vec<(String, String, i64)> {
    let rows = database.texts(sql).await;
    let log = |row: &String| {
        let fields: Vec<_> = row.split('|').collect();
        (fields[0].to_owned(), fields[1].to_owned(), fields[2].parse().expect("a time"))
    };
    rows.iter().map(log).collect()
}

fn passes(ticket: &Ticket, filter: &str) -> bool {
    let is = |name: &str, word: &str| ticket.words[name] == word;
    let has = |tag: &str| ticket.tags.iter().any(|known| known == tag);
    match filter {
        "" | "requester=jo@example.org" => true,
        "store_id=st_1" => is("store_id", "st_1"),
        "tag=vip" => has("vip"),
        "tag=none" => ticket.tags.is_empty(),
        "assignee=me" | "assignee=!none" => is("assignee", "ada"),
        "status=!closed" => !is("status", "closed"),
        "priority=high,urgent" => is("priority", "high") || is("priority", "urgent"),
        "category=shipping&channel=api" => is("category", "shipping") && is("channel", "api"),
        other => panic!("the test knows no {other}"),
    }
}

fn spread(mut took: Vec<i64>) -> Value {
    took.sort_unstable();
    let n = took.len();
    if n == 0 {
        return json!({"median": null, "p90": null, "average": null});
    }
    let median = (took[(n - 1) / 2] + took[n / 2] + 1) / 2;
    let average = (took.iter().sum::<i64>() as f64 / n as f64).round() as i64;
    json!({"median": median, "p90": took[(n * 9).div_ceil(10) - 1], "average": average})
}
