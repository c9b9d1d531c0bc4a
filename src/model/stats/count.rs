//! One walk over the tickets, one over the mails and replies of the range.

use super::facts::{Facts, LogFact, MailClass, NEVER, NOWHERE, TicketFact};
use super::{
    AgentFigures, Bits, EmailFigures, Group, GroupBy, Point, Range, Slots, Stats, Test, TicketFigures, spread,
};
use crate::model::{Category, Channel, Priority, Status};

/// What is asked.
#[derive(Debug)]
pub struct Question {
    /// The stretch of time.
    pub range: Range,
    /// Its slots.
    pub slots: Slots,
    /// Tickets must pass all of these.
    pub tests: Vec<Test>,
    /// Only mail about those tickets is counted; else all mail.
    pub mail_of_tickets: bool,
    /// Whether and how tickets are grouped.
    pub group_by: Option<GroupBy>,
}

/// Counts everything. What is held back is not among the facts.
pub fn count(facts: &Facts, question: &Question) -> Stats {
    let mut counter = Counter::new(facts, question);
    let mut matching = Bits::none_of(facts.tickets.len());
    for (place, ticket) in facts.tickets.iter().enumerate() {
        if !ticket.is_deleted && question.tests.iter().all(|test| test.passes(place, ticket)) {
            matching.add(place);
            counter.ticket(ticket);
        }
    }
    counter.replies(&matching);
    counter.mails(&matching);
    counter.end()
}

/// What is known of one agent so far.
#[derive(Debug, Clone, Default)]
struct OfAgent {
    replies: u64,
    resolved: u64,
    first_responses: Vec<u32>,
}

/// Tickets of one group: all, created, resolved.
type Counts = [u64; 3];

/// The kinds of moments: each walks through time on its own.
const CREATED: usize = 0;
const RESOLVED: usize = 1;
const SENT: usize = 2;

struct Counter<'a> {
    facts: &'a Facts,
    question: &'a Question,
    tickets: TicketFigures,
    first_responses: Vec<u32>,
    resolutions: Vec<u32>,
    /// By the agent's number.
    agents: Vec<OfAgent>,
    email: EmailFigures,
    /// By the number of what they share.
    groups: Vec<Counts>,
    series: Vec<Point>,
    /// The slots looked up last, one for each kind of moment: the next of its kind often lies in it too.
    slots: [usize; 3],
}

impl<'a> Counter<'a> {
    fn new(facts: &'a Facts, question: &'a Question) -> Self {
        Self {
            facts,
            question,
            tickets: TicketFigures::default(),
            first_responses: Vec::new(),
            resolutions: Vec::new(),
            agents: vec![OfAgent::default(); facts.agents.table_len()],
            email: EmailFigures::default(),
            groups: vec![[0; 3]; question.group_by.map_or(0, |by| kinds_of(facts, by))],
            series: vec![Point::default(); question.slots.len()],
            slots: [0; 3],
        }
    }

    fn ticket(&mut self, ticket: &TicketFact) {
        let range = self.question.range;
        let (created, resolved) = (range.holds(ticket.created), range.holds(ticket.resolved));
        self.stand(ticket);
        self.tickets.reopened += u64::from(range.holds(ticket.reopened));
        if created {
            self.tickets.created += 1;
            self.point(CREATED, ticket.created).created += 1;
        }
        if resolved {
            self.tickets.resolved += 1;
            self.agents[ticket.assignee as usize].resolved += 1;
            self.resolutions.push(seconds(ticket.created, ticket.resolved));
            self.point(RESOLVED, ticket.resolved).resolved += 1;
        }
        if range.holds(ticket.first_response) {
            let took = seconds(ticket.created, ticket.first_response);
            self.first_responses.push(took);
            self.agents[ticket.assignee as usize].first_responses.push(took);
        }
        if let Some(by) = self.question.group_by {
            let group = &mut self.groups[kind_of(ticket, by)];
            group[0] += 1;
            group[1] += u64::from(created);
            group[2] += u64::from(resolved);
        }
    }

    /// How it stands now, whatever the range.
    fn stand(&mut self, ticket: &TicketFact) {
        let figures = &mut self.tickets;
        figures.total += 1;
        figures.open += u64::from(!ticket.status.is_ended());
        figures.by_status[ticket.status as usize] += 1;
        figures.by_category[ticket.category as usize] += 1;
        figures.by_priority[ticket.priority as usize] += 1;
    }

    fn replies(&mut self, matching: &Bits) {
        let range = self.question.range;
        for reply in self.facts.replies.between(range.from.0, range.to.0) {
            if is_of(*reply, matching) {
                self.agents[usize::from(reply.what)].replies += 1;
            }
        }
    }

    fn mails(&mut self, matching: &Bits) {
        let Question { range, mail_of_tickets, .. } = *self.question;
        let counts = |mail: LogFact| !mail_of_tickets || is_of(mail, matching);
        let mails_in = self.facts.mails_in.between(range.from.0, range.to.0);
        self.email.inbound = mails_in.iter().filter(|mail| counts(**mail)).count() as u64;
        for mail in self.facts.mails_out.between(range.from.0, range.to.0) {
            if counts(*mail) {
                self.mail(*mail);
            }
        }
    }

    fn mail(&mut self, mail: LogFact) {
        const DELIVERED: u16 = MailClass::Delivered as u16;
        const BOUNCED: u16 = MailClass::Bounced as u16;
        const FAILED: u16 = MailClass::Failed as u16;
        const WAITING: u16 = MailClass::Waiting as u16;
        match mail.what {
            DELIVERED => self.email.delivered += 1,
            BOUNCED => self.email.bounced += 1,
            FAILED => self.email.failed += 1,
            WAITING => return self.email.queued += 1,
            _ => return,
        }
        self.point(SENT, mail.at()).emails_sent += 1;
    }

    /// The slot of a moment in the range.
    fn point(&mut self, kind: usize, at: i64) -> &mut Point {
        let slot = &mut self.slots[kind];
        *slot = self.question.slots.of_near(*slot, at);
        &mut self.series[*slot]
    }

    fn end(mut self) -> Stats {
        Stats {
            tickets: self.tickets,
            first_response: spread(&mut self.first_responses),
            resolution: spread(&mut self.resolutions),
            agents: agents_shown(self.facts, self.agents),
            email: self.email,
            groups: self.question.group_by.map(|by| groups_shown(self.facts, by, &self.groups)),
            series: self.series,
        }
    }
}

/// Agents with anything to show, the busiest first.
fn agents_shown(facts: &Facts, agents: Vec<OfAgent>) -> Vec<AgentFigures> {
    let shown = agents.into_iter().enumerate().filter_map(|(number, mut of)| {
        let id = *facts.agents.value(number)?;
        let first_response_median = spread(&mut of.first_responses).median;
        let anything = of.replies > 0 || of.resolved > 0 || first_response_median.is_some();
        anything.then_some(AgentFigures {
            id,
            replies: of.replies,
            resolved: of.resolved,
            first_response_median,
        })
    });
    let mut shown: Vec<_> = shown.collect();
    shown.sort_by_key(|agent| (std::cmp::Reverse((agent.replies, agent.resolved)), agent.id));
    shown
}

fn is_of(log: LogFact, matching: &Bits) -> bool {
    log.ticket != NOWHERE && matching.has(log.ticket as usize)
}

/// Whole seconds between two moments; none when the clock went back.
fn seconds(from: i64, to: i64) -> u32 {
    debug_assert_ne!(to, NEVER, "it lies in the range");
    u32::try_from((to - from).max(0) / 1_000).unwrap_or(u32::MAX)
}

/// How many values there may be to group by.
fn kinds_of(facts: &Facts, by: GroupBy) -> usize {
    match by {
        GroupBy::Status => Status::ALL.len(),
        GroupBy::Category => Category::ALL.len(),
        GroupBy::Priority => Priority::ALL.len(),
        GroupBy::Channel => Channel::ALL.len(),
        GroupBy::Assignee => facts.agents.table_len(),
        GroupBy::Team => facts.teams.table_len(),
        GroupBy::StoreId => facts.stores.table_len(),
        GroupBy::SellerId => facts.sellers.table_len(),
        GroupBy::Tag => facts.tag_lists.len(),
    }
}

/// The place of the value that a ticket has.
fn kind_of(ticket: &TicketFact, by: GroupBy) -> usize {
    match by {
        GroupBy::Status => ticket.status as usize,
        GroupBy::Category => ticket.category as usize,
        GroupBy::Priority => ticket.priority as usize,
        GroupBy::Channel => ticket.channel as usize,
        GroupBy::Assignee => ticket.assignee as usize,
        GroupBy::Team => ticket.team as usize,
        GroupBy::StoreId => ticket.store as usize,
        GroupBy::SellerId => ticket.seller as usize,
        GroupBy::Tag => ticket.tags as usize,
    }
}

/// Groups that have tickets, largest first. A ticket counts in the group of each of its tags.
fn groups_shown(facts: &Facts, by: GroupBy, counts: &[Counts]) -> Vec<Group> {
    let mut groups: std::collections::HashMap<Option<String>, Counts> = Default::default();
    for (place, counts) in counts.iter().enumerate().filter(|(_, counts)| counts[0] > 0) {
        for key in keys_of(facts, by, place) {
            let group = groups.entry(key).or_default();
            group.iter_mut().zip(counts).for_each(|(sum, more)| *sum += more);
        }
    }
    let group = |(key, [total, created, resolved]): (_, Counts)| Group { key, total, created, resolved };
    let mut groups: Vec<_> = groups.into_iter().map(group).collect();
    groups.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.key.cmp(&b.key)));
    groups
}

/// What the value at this place is called.
fn keys_of(facts: &Facts, by: GroupBy, place: usize) -> Vec<Option<String>> {
    vec![match by {
        GroupBy::Status => Some(Status::ALL[place].to_string()),
        GroupBy::Category => Some(Category::ALL[place].to_string()),
        GroupBy::Priority => Some(Priority::ALL[place].to_string()),
        GroupBy::Channel => Some(Channel::ALL[place].to_string()),
        GroupBy::Assignee => facts.agents.value(place).map(ToString::to_string),
        GroupBy::Team => facts.teams.value(place).map(ToString::to_string),
        GroupBy::StoreId => facts.stores.value(place).cloned(),
        GroupBy::SellerId => facts.sellers.value(place).cloned(),
        GroupBy::Tag if place > 0 => return facts.tag_lists[place].iter().cloned().map(Some).collect(),
        GroupBy::Tag => None,
    }]
}
