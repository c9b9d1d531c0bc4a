//! `postdesk seed generate`: as many made-up tickets as a busy desk has after years, to try lists, searches and figures
//! on. No mail leaves; `seed clean` takes them away again.

mod story;
mod words;

use std::collections::HashSet;

use story::{Person, Scene, Story};
use words::{Dice, Words};

use crate::desk::{Desk, Error, Result};
use crate::model::*;
use crate::store::Tx;

const DAY_MS: i64 = 24 * 3_600_000;
/// The first ticket was opened so long ago.
const SPAN_MS: i64 = 730 * DAY_MS;
/// Tickets of one transaction.
const BATCH: u64 = 2_000;
/// People of whom one writes again.
const KNOWN: usize = 20_000;

/// What to make.
#[derive(Debug, Clone, Copy)]
pub struct Generate {
    /// So many tickets.
    pub tickets: u64,
    /// Responses of each, on average.
    pub responses_per_ticket: u32,
    /// The same seed makes the same people and stories.
    pub seed: u64,
}

/// What was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Generated {
    pub contacts: u64,
    pub tickets: u64,
    pub responses: u64,
    pub email_logs: u64,
}

/// How far it is: of which work, how much is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// So many tickets are written.
    Written(u64),
    /// So many of the responses can be found by their words.
    Indexed(u64),
}

/// The made-up shop as it goes along.
struct Shop {
    words: Words,
    dice: Dice,
    agents: Vec<Agent>,
    mailbox: Mailbox,
    people: Vec<Person>,
    numbers: Numbers,
    now: Timestamp,
}

/// Ticket numbers, none twice.
struct Numbers(u32);

impl Desk {
    /// Makes up tickets and all that hangs on them, and has their words indexed.
    ///
    /// # Errors
    /// [`Error::NotFound`] without a mailbox; the store's. What was made before stays, and `clean_seed` finds it.
    pub async fn generate_seed(
        &self,
        wanted: Generate,
        progress: &(dyn Fn(Progress) + Sync),
    ) -> Result<Generated> {
        let mailbox = self.directory().mailboxes.first().cloned().ok_or(Error::NotFound("mailbox"))?;
        let mut shop = Shop {
            words: Words::read(),
            dice: Dice::new(wanted.seed),
            agents: Vec::new(),
            mailbox,
            people: Vec::new(),
            numbers: Numbers(u32::from_le_bytes(self.ids().bytes::<4>())),
            now: self.clock().now(),
        };
        shop.agents = self.hire(&shop.words).await?;
        let mut done = Generated::default();
        while done.tickets < wanted.tickets {
            let upto = wanted.tickets.min(done.tickets + BATCH);
            self.generate_batch(&mut shop, wanted, upto, &mut done).await?;
            progress(Progress::Written(done.tickets));
        }
        self.reload_directory().await?;
        self.index_all(&|count| progress(Progress::Indexed(count))).await?;
        Ok(done)
    }

    /// The agents of the file, made unless somebody has their address already.
    async fn hire(&self, words: &Words) -> Result<Vec<Agent>> {
        let now = self.clock().now();
        let mut tx = self.store().begin().await?;
        let mut agents = Vec::new();
        for (place, name) in words.agents.iter().enumerate() {
            let agent = Agent {
                id: self.ids().uuid(now),
                name: name.clone(),
                email: format!("agent-{}@generated.example", place + 1),
                role: "agent".into(),
                signature: None,
                locale: Some("en".into()),
                timezone: None,
                notifications: Wishes::default(),
                is_active: true,
                created_at: now,
                updated_at: now,
                version: 1,
            };
            if tx.insert_agent(&agent).await? {
                tx.note_seed_row("agent", agent.id).await?;
                agents.push(agent);
            } else {
                agents.extend(tx.active_agents().await?.into_iter().find(|known| known.email == agent.email));
            }
        }
        tx.commit().await?;
        if agents.is_empty() { Err(Error::NotFound("agent")) } else { Ok(agents) }
    }

    async fn generate_batch(
        &self,
        shop: &mut Shop,
        wanted: Generate,
        upto: u64,
        done: &mut Generated,
    ) -> Result<()> {
        let mut tx = self.store().begin_bulk().await?;
        tx.note_rewritten().await?;
        let mut numbers = self.free_numbers(&mut tx, shop, wanted, done.tickets..upto).await?;
        for nth in done.tickets..upto {
            let at = opened_at(shop.now, wanted.tickets, nth);
            let person = self.somebody(&mut tx, shop, at, done).await?;
            let Some(number) = numbers.pop() else { break };
            let scene = Scene {
                words: &shop.words,
                dice: &shop.dice,
                ids: self.ids(),
                keys: self.keys(),
                mailbox: &shop.mailbox,
                agents: &shop.agents,
                now: shop.now,
                responses_per_ticket: wanted.responses_per_ticket,
            };
            let story = scene.tell(&shop.people[person], number, at);
            done.responses += story.responses.len() as u64;
            done.email_logs += story.mails.len() as u64;
            keep(&mut tx, &story).await?;
            tx.settle()?;
        }
        tx.commit().await?;
        done.tickets = upto;
        Ok(())
    }

    /// Numbers that no ticket has, the last one first.
    async fn free_numbers(
        &self,
        tx: &mut Tx,
        shop: &mut Shop,
        wanted: Generate,
        places: std::ops::Range<u64>,
    ) -> Result<Vec<TicketNumber>> {
        let mut numbers = Vec::new();
        for nth in places {
            let at = opened_at(shop.now, wanted.tickets, nth);
            numbers.push((at, shop.numbers.next(at)));
        }
        loop {
            let taken: HashSet<_> =
                tx.numbers_taken(numbers.iter().map(|(_, number)| number)).await?.into_iter().collect();
            if taken.is_empty() {
                numbers.reverse();
                return Ok(numbers.into_iter().map(|(_, number)| number).collect());
            }
            for (at, number) in numbers.iter_mut().filter(|(_, number)| taken.contains(number.as_str())) {
                *number = shop.numbers.next(*at);
            }
        }
    }

    /// Who writes next: somebody new, or somebody who wrote before. The place among the people.
    async fn somebody(
        &self,
        tx: &mut Tx,
        shop: &mut Shop,
        at: Timestamp,
        done: &mut Generated,
    ) -> Result<usize> {
        let dice = &shop.dice;
        if !shop.people.is_empty() && dice.chance(65) {
            return Ok(dice.place(shop.people.len()));
        }
        let language = shop.words.language(dice);
        let speaks = &shop.words.languages[language];
        let name = format!("{} {}", dice.pick(&speaks.first_names), dice.pick(&speaks.last_names));
        let id = self.ids().uuid(at);
        let address = format!("{}@mail.example", id.simple());
        let mut contact = crate::desk::filing::new_contact(id, Some(name.clone()), at);
        contact.locale = Some(speaks.locale.clone());
        let email =
            ContactEmail { address: address.clone(), contact_id: id, verified: true, is_primary: true };
        tx.insert_contact(&contact, Some(&email)).await?;
        tx.note_new_seed_row("contact", id).await?;
        done.contacts += 1;
        let person = Person { id, name, address, language };
        if shop.people.len() < KNOWN {
            shop.people.push(person);
            return Ok(shop.people.len() - 1);
        }
        let place = shop.dice.place(KNOWN);
        shop.people[place] = person;
        Ok(place)
    }
}

impl Numbers {
    /// The next number of a year: an odd factor walks through all of them before it meets one again.
    fn next(&mut self, at: Timestamp) -> TicketNumber {
        self.0 = self.0.wrapping_add(1);
        TicketNumber::from_random(at, self.0.wrapping_mul(0x9E37_79B1))
    }
}

/// When the nth of so many tickets was opened: about as often on every day.
fn opened_at(now: Timestamp, tickets: u64, nth: u64) -> Timestamp {
    let into = i128::from(SPAN_MS) * i128::from(nth) / i128::from(tickets.max(1));
    now.plus_ms(i64::try_from(into).unwrap_or(0) - SPAN_MS)
}

/// Writes a story down.
async fn keep(tx: &mut Tx, story: &Story) -> Result<()> {
    tx.insert_ticket(&story.ticket).await?;
    tx.note_new_seed_row("ticket", story.ticket.id).await?;
    if let Some((row, raw)) = &story.ledger {
        tx.insert_inbound(row, "", raw).await?;
        tx.note_new_seed_row("inbound", row.id).await?;
    }
    for response in &story.responses {
        tx.insert_response(response).await?;
    }
    for event in &story.events {
        tx.insert_event(event).await?;
    }
    for (entry, attempt) in &story.mails {
        tx.insert_ended_mail(entry).await?;
        tx.insert_delivery_attempt(attempt).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tickets_are_spread_over_two_years() {
        let now = Timestamp(SPAN_MS * 2);
        assert_eq!(opened_at(now, 1_000_000, 0), Timestamp(SPAN_MS));
        assert_eq!(opened_at(now, 2, 1), Timestamp(SPAN_MS + SPAN_MS / 2));
        assert!(opened_at(now, 1_000_000, 999_999) < now);
    }

    #[test]
    fn no_number_comes_twice() {
        let mut numbers = Numbers(5);
        let all: HashSet<_> = (0..20_000).map(|_| numbers.next(Timestamp(0))).collect();
        assert_eq!(all.len(), 20_000);
    }
}
