//! One walk over the tickets, one over the mails and replies of the range.

use super::facts::{Facts, LogFact, MailClass, NEVER, NOWHERE, TicketFact};
use super::{
    AgentFigures, Bits, EmailFigures, Group, GroupBy, Point, Range, Slots, Stats, Test, TicketFigures,
    spread, sum,
};
use crate::model::{Category, Channel, EmailStatus, Priority, Status, Timestamp};

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
    if question.mail_of_tickets {
        let (counter, matching) = Counter::of_tickets(facts, question);
        return counter.end(Mails::count(facts, question, Some(&matching)));
    }
    // All mail needs nothing of the tickets.
    let ((counter, _), mails) =
        both(|| Counter::of_tickets(facts, question), || Mails::count(facts, question, None));
    counter.end(mails)
}

/// Does two things at once.
fn both<A, B: Send>(one: impl FnOnce() -> A, other: impl FnOnce() -> B + Send) -> (A, B) {
    std::thread::scope(|scope| {
        let other = scope.spawn(other);
        (one(), other.join().expect("counting does not panic"))
    })
}

/// How many tickets pass all of these.
pub fn count_tickets(facts: &Facts, tests: &[Test]) -> usize {
    let passes = |(place, ticket): &(usize, &TicketFact)| {
        !ticket.is_deleted && tests.iter().all(|test| test.passes(*place, ticket))
    };
    facts.tickets.iter().enumerate().filter(passes).count()
}

/// How many mails that left, or should have, were made in this time, in one of these statuses: a mask by their places.
pub fn count_mails_out(facts: &Facts, from: Timestamp, to: Timestamp, statuses: u16) -> usize {
    let mails = facts.mails_out.between(from.0, to.0);
    mails.iter().filter(|mail| statuses & (1 << mail.what) != 0).count()
}

/// How many mails came in this time.
pub fn count_mails_in(facts: &Facts, from: Timestamp, to: Timestamp) -> usize {
    facts.mails_in.between(from.0, to.0).len()
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

struct Counter<'a> {
    facts: &'a Facts,
    question: &'a Question,
    tickets: TicketFigures,
    first_responses: Vec<u32>,
    resolutions: Vec<u32>,
    /// By the agent's number.
    agents: Vec<OfAgent>,
    /// By the number of what they share.
    groups: Vec<Counts>,
    series: Vec<Point>,
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
            groups: vec![[0; 3]; question.group_by.map_or(0, |by| kinds_of(facts, by))],
            series: vec![Point::default(); question.slots.len()],
        }
    }

    /// Counts the tickets, and what was replied on them; tells which they are.
    fn of_tickets(facts: &'a Facts, question: &'a Question) -> (Self, Bits) {
        let all = facts.tickets.len();
        let ((mut counter, mut matching), (later, also)) = both(
            || Self::of_part(facts, question, 0..all / 2),
            || Self::of_part(facts, question, all / 2..all),
        );
        counter.add(later);
        matching.add_all(&also);
        counter.replies(&matching);
        (counter, matching)
    }

    /// Counts the tickets at these places.
    fn of_part(facts: &'a Facts, question: &'a Question, places: std::ops::Range<usize>) -> (Self, Bits) {
        let mut counter = Self::new(facts, question);
        let mut matching = Bits::none_of(facts.tickets.len());
        for (place, ticket) in places.clone().zip(&facts.tickets[places]) {
            if !ticket.is_deleted && question.tests.iter().all(|test| test.passes(place, ticket)) {
                matching.add(place);
                counter.ticket(ticket);
            }
        }
        (counter, matching)
    }

    /// Takes in what another part counted.
    fn add(&mut self, other: Self) {
        self.tickets.add(&other.tickets);
        self.first_responses.extend(other.first_responses);
        self.resolutions.extend(other.resolutions);
        for (agent, more) in self.agents.iter_mut().zip(other.agents) {
            agent.replies += more.replies;
            agent.resolved += more.resolved;
            agent.first_responses.extend(more.first_responses);
        }
        for (group, more) in self.groups.iter_mut().zip(&other.groups) {
            sum(group, more);
        }
        for (point, more) in self.series.iter_mut().zip(&other.series) {
            point.created += more.created;
            point.resolved += more.resolved;
        }
    }

    fn ticket(&mut self, ticket: &TicketFact) {
        let range = self.question.range;
        let (created, resolved) = (range.holds(ticket.created), range.holds(ticket.resolved));
        self.stand(ticket);
        self.tickets.reopened += u64::from(range.holds(ticket.reopened));
        if created {
            self.tickets.created += 1;
            self.point(ticket.created).created += 1;
        }
        if resolved {
            self.tickets.resolved += 1;
            self.agents[ticket.assignee as usize].resolved += 1;
            self.resolutions.push(seconds(ticket.created, ticket.resolved));
            self.point(ticket.resolved).resolved += 1;
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

    /// The slot of a moment in the range.
    fn point(&mut self, at: i64) -> &mut Point {
        &mut self.series[self.question.slots.of(at)]
    }

    fn end(mut self, mails: Mails) -> Stats {
        self.series.iter_mut().zip(mails.sent).for_each(|(point, sent)| point.emails_sent = sent);
        let (first_response, resolution) =
            both(|| spread(&mut self.first_responses), || spread(&mut self.resolutions));
        Stats {
            tickets: self.tickets,
            first_response,
            resolution,
            agents: agents_shown(self.facts, self.agents),
            email: mails.figures,
            groups: self.question.group_by.map(|by| groups_shown(self.facts, by, &self.groups)),
            series: self.series,
        }
    }
}

/// The mails of the range.
struct Mails {
    figures: EmailFigures,
    /// By slot.
    sent: Vec<u64>,
}

impl Mails {
    /// Those about these tickets, or all.
    fn count(facts: &Facts, question: &Question, matching: Option<&Bits>) -> Self {
        let Question { range, slots, .. } = question;
        let (from, to) = (range.from.0, range.to.0);
        let counts = |mail: &&LogFact| matching.is_none_or(|matching| is_of(**mail, matching));
        let mut mails = Self { figures: EmailFigures::default(), sent: vec![0; slots.len()] };
        mails.figures.inbound = facts.mails_in.between(from, to).iter().filter(counts).count() as u64;
        for mail in facts.mails_out.between(from, to).iter().filter(counts) {
            match MailClass::from(EmailStatus::ALL[usize::from(mail.what)]) {
                MailClass::Delivered => mails.figures.delivered += 1,
                MailClass::Bounced => mails.figures.bounced += 1,
                MailClass::Failed => mails.figures.failed += 1,
                MailClass::Waiting => {
                    mails.figures.queued += 1;
                    continue;
                }
                MailClass::Other => continue,
            }
            mails.sent[slots.of(mail.at())] += 1;
        }
        mails
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
            sum(group, counts);
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
