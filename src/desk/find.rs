//! `/search`: messages, tickets and people by words and operators, the best first.
//!
//! Looked at are the newest messages that hold all the words; how well one fits is judged from its own text, so that
//! both engines judge alike.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::{Desk, Result, search};
use crate::model::*;
use crate::store::Tx;
use crate::store::query::{Start, TicketFilter};

/// Messages that are read and judged.
const JUDGED: usize = 200;
/// Length of a snippet, characters.
const SNIPPET: usize = 160;
/// How much a word's second and third time count: BM25's k1 (Robertson, Zaragoza 2009).
const SATURATION: f64 = 1.2;

/// What to look for.
#[derive(Debug, Clone)]
pub struct Search {
    /// As read by [`search::parse`].
    pub filters: Vec<TicketFilter>,
    /// Which kinds of things.
    pub kinds: Vec<Find>,
    /// Notes are looked at, too.
    pub notes: bool,
    /// Most things.
    pub limit: usize,
}

/// What can be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Find {
    Ticket,
    Response,
    Contact,
}

impl Find {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ticket => "ticket",
            Self::Response => "response",
            Self::Contact => "contact",
        }
    }
}

/// Something found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What it is.
    pub kind: Find,
    /// Its id.
    pub id: Uuid,
    /// The ticket; `None` for people.
    pub ticket_number: Option<TicketNumber>,
    /// The words in their surroundings.
    pub snippet: String,
    /// Above 0; larger is better.
    pub score: f64,
}

impl Desk {
    /// The best things found, best first.
    ///
    /// # Errors
    /// The store's.
    pub async fn search(&self, wanted: &Search) -> Result<Vec<Found>> {
        let mut tx = self.store().read().await?;
        let words = words_of(&wanted.filters);
        let mut found = Vec::new();
        if words.is_empty() {
            // Operators alone: tickets, the last changed first.
            if wanted.kinds.contains(&Find::Ticket) {
                let limit = i64::try_from(wanted.limit).unwrap_or(i64::MAX);
                let rows =
                    tx.list_tickets(&wanted.filters, &search::usual_order(), &Start::Top, limit).await?;
                found.extend(rows.iter().map(|ticket| of_ticket(ticket, &words, 1.0)));
            }
            return Ok(found);
        }
        let messages = self.matching_messages(&mut tx, wanted).await?;
        judge(&messages, &words, &wanted.kinds, &mut found);
        if wanted.kinds.contains(&Find::Contact) {
            found.extend(people(&mut tx, &messages, &words).await?);
        }
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        found.truncate(wanted.limit);
        Ok(found)
    }

    /// The newest messages that match, with their tickets.
    async fn matching_messages(&self, tx: &mut Tx, wanted: &Search) -> Result<Vec<(Response, Ticket)>> {
        let mut hits = Vec::new();
        for filter in &wanted.filters {
            if let TicketFilter::Words(text) = filter {
                hits = tx.newest_hits(text, !wanted.notes).await?;
            }
        }
        let tickets: HashSet<_> = hits.iter().map(|hit| hit.ticket_id).collect();
        let among = TicketFilter::Among(tickets.into_iter().collect());
        let others = wanted.filters.iter().filter(|filter| !matches!(filter, TicketFilter::Words(_)));
        let filters: Vec<_> = others.cloned().chain([among]).collect();
        let limit = i64::try_from(JUDGED).unwrap_or(i64::MAX);
        let tickets = tx.list_tickets(&filters, &search::usual_order(), &Start::Top, limit).await?;
        let tickets: HashMap<_, _> = tickets.into_iter().map(|ticket| (ticket.id, ticket)).collect();
        hits.retain(|hit| tickets.contains_key(&hit.ticket_id));
        hits.truncate(JUDGED);
        let responses = tx.responses_at(hits.iter().map(|hit| hit.seq)).await?;
        let seen =
            |r: &Response| r.deleted_at.is_none() && (wanted.notes || r.visibility == Visibility::Public);
        let with = |r: Response| tickets.get(&r.ticket_id).cloned().map(|ticket| (r, ticket));
        Ok(responses.into_iter().filter(seen).filter_map(with).collect())
    }
}

/// The words of a search, folded, phrases whole.
fn words_of(filters: &[TicketFilter]) -> Vec<String> {
    let texts =
        filters.iter().filter_map(|f| if let TicketFilter::Words(text) = f { Some(text) } else { None });
    texts
        .flat_map(|text| text.split('"'))
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn judge(messages: &[(Response, Ticket)], words: &[String], kinds: &[Find], found: &mut Vec<Found>) {
    let mut best: HashMap<Uuid, (f64, &Ticket)> = HashMap::new();
    for (response, ticket) in messages {
        let score = score(&response.body_text, words) + score(&ticket.subject, words) / 2.0;
        let so_far = best.entry(ticket.id).or_insert((score, ticket));
        so_far.0 = so_far.0.max(score);
        if kinds.contains(&Find::Response) {
            found.push(Found {
                kind: Find::Response,
                id: response.id,
                ticket_number: Some(ticket.number.clone()),
                snippet: snippet(&response.body_text, words),
                score,
            });
        }
    }
    if kinds.contains(&Find::Ticket) {
        found.extend(best.into_values().map(|(score, ticket)| of_ticket(ticket, words, score)));
    }
}

fn of_ticket(ticket: &Ticket, words: &[String], score: f64) -> Found {
    let in_subject = words.iter().any(|word| fold(&ticket.subject).contains(word.as_str()));
    let snippet = if in_subject { &ticket.subject } else { &ticket.preview };
    Found {
        kind: Find::Ticket,
        id: ticket.id,
        ticket_number: Some(ticket.number.clone()),
        snippet: snippet.clone(),
        score,
    }
}

/// People who asked in these messages' tickets, and whose name or address holds the words.
async fn people(tx: &mut Tx, messages: &[(Response, Ticket)], words: &[String]) -> Result<Vec<Found>> {
    let ids: HashSet<_> = messages.iter().map(|(_, ticket)| ticket.requester_id).collect();
    let addresses: HashMap<_, _> =
        messages.iter().map(|(_, ticket)| (ticket.requester_id, ticket.requester_email.as_str())).collect();
    let mut found = Vec::new();
    for contact in tx.contacts_of(ids).await? {
        let address = addresses.get(&contact.id).copied().unwrap_or_default();
        let shown = match &contact.name {
            Some(name) => format!("{name} <{address}>"),
            None => address.to_owned(),
        };
        let folded = fold(&shown);
        if words.iter().all(|word| folded.contains(word.as_str())) {
            let score = 1.0 + score(&shown, words);
            found.push(Found {
                kind: Find::Contact,
                id: contact.id,
                ticket_number: None,
                snippet: shown,
                score,
            });
        }
    }
    Ok(found)
}

/// How well a text fits: each word counts once, and a little more for each further time; in a long text less.
fn score(text: &str, words: &[String]) -> f64 {
    let folded = fold(text);
    let length = folded.split(' ').count() as f64;
    let scores = words.iter().map(|word| {
        let times = folded.matches(word.as_str()).count() as f64;
        times * (1.0 + SATURATION) / (times + SATURATION * (0.5 + length / 100.0))
    });
    scores.sum::<f64>() / words.len().max(1) as f64
}

/// What stands around the first of the words, on one line.
fn snippet(text: &str, words: &[String]) -> String {
    let line = super::filing::one_line(text, usize::MAX);
    let tokens: Vec<&str> = line.split(' ').collect();
    let first = |token: &&str| {
        let token = fold(token);
        words.iter().any(|word| word.split(' ').next().is_some_and(|start| token.contains(start)))
    };
    let at = tokens.iter().position(first).unwrap_or(0).saturating_sub(6);
    let mut shown = String::from(if at > 0 { "…" } else { "" });
    let rest = tokens[at..].join(" ");
    shown.extend(rest.chars().take(SNIPPET));
    if rest.chars().count() > SNIPPET {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_fit_better_score_higher() {
        let words = ["blue".to_owned(), "parcel".to_owned()];
        let long = "blue parcel ".to_owned() + &"and so on ".repeat(100);
        for (better, worse) in [
            ("The blue parcel", "The parcel"),
            ("blue parcel, blue parcel", "blue parcel"),
            ("blue parcel", long.as_str()),
        ] {
            assert!(score(better, &words) > score(worse, &words), "{better} / {worse}");
        }
        assert_eq!(score("nothing of it", &words), 0.0);
    }

    #[test]
    fn snippets_show_the_words() {
        let words = [fold("Größe")];
        assert_eq!(snippet("Short, GRÖSSE Größe", &words), "Short, GRÖSSE Größe");
        let long = format!("{}the Größe is wrong {}", "word ".repeat(50), "more ".repeat(100));
        let shown = snippet(&long, &words);
        assert!(shown.starts_with("…word word word word word the Größe is wrong more"), "{shown}");
        assert!(shown.ends_with('…'), "{shown}");
    }
}
