//! Who is told what, and when: the rules behind the mails the desk writes (MAIL.md §2.1). What each mail is, says
//! [`NotificationTemplate`]; what agents wish for themselves, [`Wishes`](super::Wishes).

use uuid::Uuid;

use super::{Agent, Channel, NotificationTemplate, Status, Timestamp};

use NotificationTemplate::{
    AgentCustomerMessage, AgentDeliveryFailed, AgentMentioned, AgentNewTicket, AgentNote, AgentReopened,
    MessageReceived, TicketReceived, TicketReceivedNeutral, TicketReopened, TicketResolved,
    TicketStatusChanged,
};

/// Whether a mail is sent: as the caller wished (API.md §1.8), else as the settings say.
pub fn is_sent(switched_on: bool, notify: Option<bool>) -> bool {
    notify.unwrap_or(switched_on)
}

/// How the sender of a new ticket is answered; `None`: not at all. `neutral` is the setting for unverified senders.
pub fn acknowledgement(
    verified: bool,
    channel: Channel,
    neutral: Option<bool>,
) -> Option<NotificationTemplate> {
    if verified {
        return Some(TicketReceived);
    }
    let neutral = neutral.unwrap_or(channel != Channel::Email);
    neutral.then_some(TicketReceivedNeutral)
}

/// What a change of status without a reply tells the requester, the most telling first: the first one that is switched
/// on is sent. `asked` is a caller who wants it told whatever it is.
pub fn status_notices(from: Status, to: Status, asked: bool) -> Vec<NotificationTemplate> {
    let reopened = (from.is_ended() && !to.is_ended()).then_some(TicketReopened);
    let changed = match to {
        _ if from == to => None,
        Status::Resolved => Some(TicketResolved),
        Status::InProgress | Status::WaitingCustomer | Status::WaitingThirdParty => Some(TicketStatusChanged),
        Status::Open | Status::Closed => asked.then_some(TicketStatusChanged),
    };
    reopened.into_iter().chain(changed).collect()
}

/// What a further message of the requester is answered with, the most telling first.
pub fn receipts(reopened: bool) -> Vec<NotificationTemplate> {
    if reopened { vec![TicketReopened, MessageReceived] } else { vec![MessageReceived] }
}

/// What happened that agents are told of.
#[derive(Debug, Clone, Copy)]
pub enum Happening<'a> {
    /// A ticket was opened.
    Opened,
    /// The customer wrote.
    CustomerWrote {
        /// And so opened again what was resolved.
        reopened: bool,
    },
    /// A mail of the ticket did not arrive.
    NotDelivered,
    /// A colleague left a note.
    NoteWritten {
        /// Agents it names.
        named: &'a [Uuid],
        /// Agents who wrote on the ticket before.
        taking_part: &'a [Uuid],
    },
}

/// The agents who are told, and what: of a customer's mail the assignee, or everybody while there is none; of a note
/// those it names, the assignee, and who wrote on the ticket. Never whoever did it.
pub fn agents_told<'a>(
    agents: &'a [Agent],
    happening: Happening<'_>,
    assignee: Option<Uuid>,
    author: Option<Uuid>,
) -> Vec<(&'a Agent, NotificationTemplate)> {
    let agents = agents.iter().filter(|agent| agent.is_active);
    let assignee = assignee.filter(|id| agents.clone().any(|agent| agent.id == *id));
    let told = agents.filter(|agent| author != Some(agent.id));
    told.filter_map(|agent| Some((agent, told_of(agent.id, happening, assignee)?))).collect()
}

fn told_of(agent: Uuid, happening: Happening<'_>, assignee: Option<Uuid>) -> Option<NotificationTemplate> {
    let is_theirs = assignee.is_none_or(|assignee| assignee == agent);
    match happening {
        // Whose it is from the start is told so.
        Happening::Opened => assignee.is_none().then_some(AgentNewTicket),
        Happening::CustomerWrote { reopened: true } => is_theirs.then_some(AgentReopened),
        Happening::CustomerWrote { reopened: false } => is_theirs.then_some(AgentCustomerMessage),
        Happening::NotDelivered => is_theirs.then_some(AgentDeliveryFailed),
        Happening::NoteWritten { named, .. } if named.contains(&agent) => Some(AgentMentioned),
        Happening::NoteWritten { taking_part, .. } => {
            (assignee == Some(agent) || taking_part.contains(&agent)).then_some(AgentNote)
        }
    }
}

/// What an agent gets of it: the agent's own wish, then the caller's, then the settings' decide; what is switched off
/// gives way to the plainer mail of the same thing.
pub fn agent_gets(
    agent: &Agent,
    kind: NotificationTemplate,
    notify: Option<bool>,
    is_on: impl Fn(NotificationTemplate) -> bool,
) -> Option<NotificationTemplate> {
    if notify == Some(false) {
        return None;
    }
    let own = agent.notifications.kinds.get(&kind).copied();
    if own.unwrap_or_else(|| is_sent(is_on(kind), notify)) {
        return Some(kind);
    }
    let plainer = match kind {
        AgentMentioned => AgentNote,
        AgentReopened => AgentCustomerMessage,
        _ => return None,
    };
    agent_gets(agent, plainer, notify, is_on)
}

/// Agents whom a text names: `@` and their name, its first word, or the local part of their address; in any case, when
/// it is nobody else's too.
pub fn named_in(text: &str, agents: &[Agent]) -> Vec<Uuid> {
    let mut named = Vec::new();
    for (at, _) in text.match_indices('@') {
        let is_address =
            text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || "._-+".contains(c));
        let Some(agent) = (!is_address).then(|| agent_at(&text[at + 1..], agents)).flatten() else {
            continue;
        };
        if !named.contains(&agent) {
            named.push(agent);
        }
    }
    named
}

/// The agent a text begins with: whole names first, since `@Ada Byron` is no other Ada.
fn agent_at(text: &str, agents: &[Agent]) -> Option<Uuid> {
    let active = || agents.iter().filter(|agent| agent.is_active);
    let only = |fits: &dyn Fn(&Agent) -> bool| {
        let mut fitting = active().filter(|agent| fits(agent)).map(|agent| agent.id);
        fitting.next().filter(|_| fitting.next().is_none())
    };
    let whole = only(&|agent| agent.name.contains(' ') && begins_with_word(text, &agent.name));
    let end = text.find(|c: char| !c.is_alphanumeric() && !"._-".contains(c)).unwrap_or(text.len());
    let word = text[..end].trim_end_matches(['.', '-', '_']).to_lowercase();
    let local = |agent: &Agent| agent.email.split('@').next().is_some_and(|local| local == word);
    let first = |agent: &Agent| agent.name.to_lowercase().split_whitespace().next() == Some(word.as_str());
    whole.or_else(|| only(&local)).or_else(|| only(&first))
}

/// Whether a text begins with these words, in any case, and they end there.
fn begins_with_word(text: &str, words: &str) -> bool {
    let mut rest = text.chars();
    let same = words.chars().all(|c| rest.next().is_some_and(|d| c.to_lowercase().eq(d.to_lowercase())));
    same && !rest.next().is_some_and(char::is_alphanumeric)
}

/// A mail of the same kind to the same agent on the same ticket, and what came of late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LastTold {
    /// When it became due.
    pub at: Timestamp,
    /// How many there were in the hour before now.
    pub last_hour: i64,
}

/// Mails of one kind on one ticket that an agent gets in an hour before the bursts are gathered for longer.
const MANY_AN_HOUR: i64 = 8;
/// How long then, milliseconds.
const LONG_BUNDLE_MS: i64 = 30 * 60_000;

/// When an agent is told of one more message on a ticket: at once, or with those that follow the last one of its kind
/// closely. An agent's own answer since then makes it a conversation again, and the next message comes at once.
pub fn told_at(
    now: Timestamp,
    last: Option<LastTold>,
    answered: Option<Timestamp>,
    bundle_ms: i64,
) -> Timestamp {
    let Some(last) = last else { return now };
    let busy = last.last_hour >= MANY_AN_HOUR;
    if !busy && answered.is_some_and(|answered| answered > last.at) {
        return now;
    }
    let gathered = if busy { bundle_ms.max(LONG_BUNDLE_MS) } else { bundle_ms };
    last.at.plus_ms(gathered).max(now)
}

/// Most automatic answers one address gets in an hour and in a day, over all tickets (MAIL.md §2.1).
const MAX_ANSWERS_HOUR: i64 = 1;
const MAX_ANSWERS_DAY: i64 = 4;
/// Automatic answers after which somebody here must have written before there is another …
const MAX_UNATTENDED: i64 = 2;
/// … when the last one is no older than this: a machine that answers us answers what it got.
const ECHO_MS: i64 = 3 * RecentMail::DAY_MS;

/// What an address got from the machine of late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecentMail {
    /// Automatic answers to its mails in the last hour.
    pub answers_hour: i64,
    /// The same in the last day.
    pub answers_day: i64,
    /// Automatic mails of any kind in the last day.
    pub automatic_day: i64,
    /// Automatic answers on tickets where no agent wrote since.
    pub unattended: i64,
    /// When the last automatic answer became due.
    pub last_answer: Option<Timestamp>,
    /// Notices of too many tickets in the last day.
    pub notices_day: i64,
    /// It gets no mail at all.
    pub suppressed: bool,
}

impl RecentMail {
    /// An hour, in milliseconds.
    pub const HOUR_MS: i64 = 3_600_000;
    /// A day, in milliseconds.
    pub const DAY_MS: i64 = 24 * Self::HOUR_MS;
    /// How far back anything counts, milliseconds.
    pub const LOOKED_BACK_MS: i64 = 90 * Self::DAY_MS;

    /// Whether the machine may write once more: the loop that no header shows ends here.
    pub fn allows(&self, template: NotificationTemplate, max_automatic_per_day: u32, now: Timestamp) -> bool {
        let answers = match template {
            NotificationTemplate::RateLimitedNotice => self.notices_day == 0,
            template if template.answers_a_mail() => self.allows_answer(now),
            _ => true,
        };
        answers && self.automatic_day < i64::from(max_automatic_per_day)
    }

    fn allows_answer(&self, now: Timestamp) -> bool {
        let echo = self.last_answer.is_some_and(|last| now < last.plus_ms(ECHO_MS));
        self.answers_hour < MAX_ANSWERS_HOUR
            && self.answers_day < MAX_ANSWERS_DAY
            && (self.unattended < MAX_UNATTENDED || !echo)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Wishes;

    use NotificationTemplate::{AgentAssigned, RateLimitedNotice};

    #[test]
    fn answers_are_few() {
        let now = Timestamp(10 * RecentMail::DAY_MS);
        let none = RecentMail::default();
        let ago = |days: i64| Some(now.plus_ms(-days * RecentMail::DAY_MS));
        for (template, recent, want) in [
            (TicketReceived, none, true),
            (TicketReceived, RecentMail { answers_hour: 1, answers_day: 1, ..none }, false),
            (TicketReceived, RecentMail { answers_day: 3, ..none }, true),
            (TicketReceived, RecentMail { answers_day: 4, ..none }, false),
            (TicketReceived, RecentMail { automatic_day: 20, ..none }, false),
            (TicketReceived, RecentMail { unattended: 1, last_answer: ago(1), ..none }, true),
            (TicketReceived, RecentMail { unattended: 2, last_answer: ago(1), ..none }, false),
            (TicketReceived, RecentMail { unattended: 2, last_answer: ago(3), ..none }, true),
            (MessageReceived, RecentMail { answers_hour: 1, ..none }, false),
            (RateLimitedNotice, RecentMail { answers_hour: 1, answers_day: 4, ..none }, true),
            (RateLimitedNotice, RecentMail { notices_day: 1, ..none }, false),
            (TicketResolved, RecentMail { answers_hour: 1, answers_day: 4, unattended: 9, ..none }, true),
            (TicketResolved, RecentMail { automatic_day: 19, ..none }, true),
            (TicketResolved, RecentMail { automatic_day: 20, ..none }, false),
        ] {
            assert_eq!(recent.allows(template, 20, now), want, "{template} after {recent:?}");
        }
    }

    #[test]
    fn only_verified_senders_read_their_own_words() {
        for (verified, channel, neutral, want) in [
            (true, Channel::Email, None, Some(TicketReceived)),
            (true, Channel::Web, Some(false), Some(TicketReceived)),
            (false, Channel::Email, None, None),
            (false, Channel::Email, Some(true), Some(TicketReceivedNeutral)),
            (false, Channel::Web, None, Some(TicketReceivedNeutral)),
            (false, Channel::Web, Some(false), None),
        ] {
            assert_eq!(acknowledgement(verified, channel, neutral), want, "{verified} {channel} {neutral:?}");
        }
    }

    #[test]
    fn a_status_is_told_when_it_helps() {
        use Status::{Closed, InProgress, Open, Resolved, WaitingCustomer};
        for (from, to, asked, want) in [
            (Open, Resolved, false, vec![TicketResolved]),
            (Open, WaitingCustomer, false, vec![TicketStatusChanged]),
            (Resolved, Closed, false, vec![]),
            (Resolved, Closed, true, vec![TicketStatusChanged]),
            (Resolved, Open, false, vec![TicketReopened]),
            (Closed, Open, true, vec![TicketReopened, TicketStatusChanged]),
            (Resolved, InProgress, false, vec![TicketReopened, TicketStatusChanged]),
            (Open, Open, true, vec![]),
        ] {
            assert_eq!(status_notices(from, to, asked), want, "{from} to {to}, {asked}");
        }
    }

    fn agent(n: u128, name: &str, email: &str, is_active: bool) -> Agent {
        Agent {
            id: Uuid::from_u128(n),
            name: name.into(),
            email: email.into(),
            role: "agent".into(),
            signature: None,
            locale: None,
            timezone: None,
            notifications: Wishes::default(),
            is_active,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            version: 1,
        }
    }

    fn team() -> [Agent; 3] {
        [
            agent(1, "Ada Byron", "ada@desk.example", true),
            agent(2, "Bo Berg", "bo@desk.example", true),
            agent(3, "Cy Old", "cy@desk.example", false),
        ]
    }

    #[test]
    fn nobody_is_told_of_their_own_act_and_everybody_of_what_nobody_has() {
        let id = Uuid::from_u128;
        let note = |named, taking_part| Happening::NoteWritten { named, taking_part };
        let wrote = |reopened| Happening::CustomerWrote { reopened };
        let (two, both) = ([id(2)], [id(1), id(2), id(3)]);
        for (happening, assignee, author, want) in [
            (Happening::Opened, None, None, vec![(1, AgentNewTicket), (2, AgentNewTicket)]),
            (Happening::Opened, None, Some(1), vec![(2, AgentNewTicket)]),
            (Happening::Opened, Some(2), Some(1), vec![]),
            (wrote(false), None, None, vec![(1, AgentCustomerMessage), (2, AgentCustomerMessage)]),
            (wrote(false), Some(2), None, vec![(2, AgentCustomerMessage)]),
            (wrote(true), Some(2), None, vec![(2, AgentReopened)]),
            (wrote(false), Some(2), Some(2), vec![]),
            (wrote(false), Some(3), None, vec![(1, AgentCustomerMessage), (2, AgentCustomerMessage)]),
            (wrote(false), Some(9), None, vec![(1, AgentCustomerMessage), (2, AgentCustomerMessage)]),
            (Happening::NotDelivered, Some(2), None, vec![(2, AgentDeliveryFailed)]),
            (note(&[], &[]), None, Some(1), vec![]),
            (note(&[], &[]), Some(2), Some(1), vec![(2, AgentNote)]),
            (note(&[], &both), None, Some(1), vec![(2, AgentNote)]),
            (note(&two, &both), None, Some(1), vec![(2, AgentMentioned)]),
            (note(&both, &[]), Some(1), Some(1), vec![(2, AgentMentioned)]),
        ] {
            let team = team();
            let told = agents_told(&team, happening, assignee.map(id), author.map(id));
            let told: Vec<_> = told.iter().map(|(agent, kind)| (agent.id.as_u128(), *kind)).collect();
            assert_eq!(told, want, "{happening:?}, assigned to {assignee:?}, by {author:?}");
        }
    }

    #[test]
    fn wishes_go_before_settings() {
        let on_by_default = |kind| [AgentNote, AgentCustomerMessage, AgentAssigned].contains(&kind);
        for (kind, wish, notify, want) in [
            (AgentNote, None, None, Some(AgentNote)),
            (AgentNote, Some((AgentNote, false)), None, None),
            (AgentNote, Some((AgentNote, false)), Some(true), None),
            (AgentNote, None, Some(false), None),
            (AgentMentioned, None, None, Some(AgentNote)),
            (AgentMentioned, None, Some(true), Some(AgentMentioned)),
            (AgentMentioned, Some((AgentMentioned, true)), None, Some(AgentMentioned)),
            (AgentMentioned, Some((AgentNote, false)), None, None),
            (AgentReopened, None, None, Some(AgentCustomerMessage)),
            (AgentNewTicket, None, None, None),
            (AgentNewTicket, Some((AgentNewTicket, true)), None, Some(AgentNewTicket)),
            (AgentNewTicket, Some((AgentNewTicket, true)), Some(false), None),
        ] {
            let mut ada = agent(1, "Ada", "ada@desk.example", true);
            ada.notifications.kinds.extend(wish);
            assert_eq!(agent_gets(&ada, kind, notify, on_by_default), want, "{kind}, {wish:?}, {notify:?}");
        }
    }

    #[test]
    fn names_are_found_when_they_are_one_persons() {
        let mut team = team().to_vec();
        team.push(agent(4, "Ada Lovelace", "lovelace@desk.example", true));
        for (text, want) in [
            ("@bo please look", vec![2]),
            ("Please look, @BO.", vec![2]),
            ("(@Bo Berg)", vec![2]),
            ("@ada", vec![1]),
            ("@Ada Lovelace, and not @Ada Byrons", vec![4, 1]),
            ("@lovelace @bo @bo", vec![4, 2]),
            ("@cy", vec![]),
            ("write to jo@bo.example or x@bo", vec![]),
            ("@bob @ @@", vec![]),
            ("@bo-", vec![2]),
        ] {
            let named: Vec<_> = named_in(text, &team).iter().map(Uuid::as_u128).collect();
            assert_eq!(named, want, "{text}");
        }
        team[0].email = "byron@desk.example".into();
        assert!(named_in("@ada", &team).is_empty(), "there are two");
    }

    #[test]
    fn bursts_are_gathered_and_conversations_are_not() {
        const MIN: i64 = 60_000;
        let last = |at: i64, last_hour| Some(LastTold { at: Timestamp(at * MIN), last_hour });
        for (now, last, answered, want) in [
            (10, None, None, 10),
            (10, last(8, 1), None, 13),
            (10, last(5, 1), None, 10),
            (10, last(13, 2), None, 18),
            (10, last(8, 1), Some(9), 10),
            (10, last(8, 1), Some(7), 13),
            (60, last(58, 8), Some(59), 88),
            (60, last(20, 8), None, 60),
        ] {
            let answered = answered.map(|minutes: i64| Timestamp(minutes * MIN));
            let at = told_at(Timestamp(now * MIN), last, answered, 5 * MIN);
            assert_eq!(at.0 / MIN, want, "at {now} after {last:?}, answered {answered:?}");
        }
    }
}
