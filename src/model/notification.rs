//! Who is told what, and when: the mails the desk writes (MAIL.md §2.1).

use uuid::Uuid;

use super::{Agent, Audience, Channel, Status, words};

words! {
    /// A mail the desk writes.
    NotificationTemplate {
        /// To the requester: your mail is a ticket.
        TicketReceived = "ticket_received",
        /// To an unverified address: somebody wrote to us with it; not a word of theirs.
        TicketReceivedNeutral = "ticket_received_neutral",
        /// To the customer: an agent's public reply.
        TicketReply = "ticket_reply",
        /// To the customer: the shop opened a ticket for you.
        TicketOpenedForYou = "ticket_opened_for_you",
        /// To the requester: the status changed, and no reply went with it.
        TicketStatusChanged = "ticket_status_changed",
        /// To the requester: resolved.
        TicketResolved = "ticket_resolved",
        /// To the requester: a further message of yours arrived.
        MessageReceived = "message_received",
        /// To the requester: we still need your answer.
        TicketWaitingReminder = "ticket_waiting_reminder",
        /// To the requester: the ticket is open again.
        TicketReopened = "ticket_reopened",
        /// To the requester: two tickets became one.
        TicketMerged = "ticket_merged",
        /// To a verified sender of many mails: all have arrived, and no more are acknowledged.
        RateLimitedNotice = "rate_limited_notice",
        /// To agents: a new ticket nobody has.
        AgentNewTicket = "agent_new_ticket",
        /// To the assignee: the customer wrote.
        AgentCustomerMessage = "agent_customer_message",
        /// To the new assignee: it is yours.
        AgentAssigned = "agent_assigned",
        /// To assignee and followers: a colleague wrote a note.
        AgentNote = "agent_note",
        /// To an agent whom a note names.
        AgentMentioned = "agent_mentioned",
        /// To the assignee: the ticket is open again.
        AgentReopened = "agent_reopened",
        /// To the agent: a mail of the ticket did not arrive.
        AgentDeliveryFailed = "agent_delivery_failed",
        /// To the agent: what became of the commands in your mail.
        AgentCommandResult = "agent_command_result",
        /// To the agent: a mail in your name could not be verified, and waits.
        AgentReplyRefused = "agent_reply_refused",
        /// To admins: mail does not leave.
        AdminQueueStuck = "admin_queue_stuck",
        /// To admins: something in the settings or around the desk is wrong.
        AdminCheckFailed = "admin_check_failed",
    }
}

impl NotificationTemplate {
    /// Whether a person wrote it (plain look, no `Auto-Submitted`), rather than the machine.
    pub fn is_from_person(self) -> bool {
        matches!(self, Self::TicketReply | Self::TicketOpenedForYou)
    }
}

/// Most acknowledgements one address gets in an hour and in a day, over all tickets (MAIL.md §2.1).
const MAX_ACKS_HOUR: i64 = 1;
const MAX_ACKS_DAY: i64 = 4;

/// What an address got from the machine of late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RecentMail {
    /// Acknowledgements in the last hour.
    pub acks_hour: i64,
    /// Acknowledgements in the last day.
    pub acks_day: i64,
    /// Automatic mails of any kind in the last day.
    pub automatic_day: i64,
    /// It gets no mail at all.
    pub suppressed: bool,
}

impl RecentMail {
    /// An hour, in milliseconds.
    pub const HOUR_MS: i64 = 3_600_000;
    /// A day, in milliseconds.
    pub const DAY_MS: i64 = 24 * Self::HOUR_MS;

    /// Whether the machine may write once more: the loop that no header shows ends here.
    pub fn allows(&self, template: NotificationTemplate, max_automatic_per_day: u32) -> bool {
        let within_day = self.automatic_day < i64::from(max_automatic_per_day);
        let within_acks = self.acks_hour < MAX_ACKS_HOUR && self.acks_day < MAX_ACKS_DAY;
        within_day && (within_acks || !template.is_acknowledgement())
    }
}

impl NotificationTemplate {
    /// Whether it tells a sender that their mail is a ticket.
    pub fn is_acknowledgement(self) -> bool {
        matches!(self, Self::TicketReceived | Self::TicketReceivedNeutral)
    }

    /// Whether it answers a mail of its recipient (`Auto-Submitted: auto-replied`, RFC 3834 §5).
    pub fn answers_a_mail(self) -> bool {
        self.is_acknowledgement()
            || matches!(
                self,
                Self::MessageReceived
                    | Self::RateLimitedNotice
                    | Self::AgentCommandResult
                    | Self::AgentReplyRefused
            )
    }

    /// Whether it tells what a caller wrote, and so goes to verified addresses alone.
    pub fn is_for_verified_only(self) -> bool {
        matches!(self, Self::TicketReceived | Self::MessageReceived | Self::RateLimitedNotice)
            || self.audience() != Audience::Customer
    }

    /// Whether it is about a note, so that an answer to it stays internal too.
    pub fn is_about_a_note(self) -> bool {
        matches!(self, Self::AgentNote | Self::AgentMentioned)
    }

    /// Who it is for.
    pub fn audience(self) -> Audience {
        match self {
            Self::AgentNewTicket
            | Self::AgentCustomerMessage
            | Self::AgentAssigned
            | Self::AgentNote
            | Self::AgentMentioned
            | Self::AgentReopened
            | Self::AgentDeliveryFailed
            | Self::AgentCommandResult
            | Self::AgentReplyRefused => Audience::Agent,
            Self::AdminQueueStuck | Self::AdminCheckFailed => Audience::Admin,
            Self::TicketReceived
            | Self::TicketReceivedNeutral
            | Self::TicketReply
            | Self::TicketOpenedForYou
            | Self::TicketStatusChanged
            | Self::TicketResolved
            | Self::MessageReceived
            | Self::TicketWaitingReminder
            | Self::TicketReopened
            | Self::TicketMerged
            | Self::RateLimitedNotice => Audience::Customer,
        }
    }

    /// People's answers go before what the machine says.
    pub fn send_priority(self) -> i64 {
        if self.is_from_person() { 0 } else { 1 }
    }
}

/// How the sender of a new ticket is answered; `None`: not at all. `neutral` is the setting for unverified senders.
pub fn acknowledgement(
    verified: bool,
    channel: Channel,
    neutral: Option<bool>,
) -> Option<NotificationTemplate> {
    if verified {
        return Some(NotificationTemplate::TicketReceived);
    }
    let neutral = neutral.unwrap_or(channel != Channel::Email);
    neutral.then_some(NotificationTemplate::TicketReceivedNeutral)
}

/// What a change of status without a reply tells the requester; `notify` as the caller wished (API.md §1.8).
pub fn status_notice(from: Status, to: Status, notify: Option<bool>) -> Option<NotificationTemplate> {
    let by_default = match to {
        Status::Resolved | Status::InProgress | Status::WaitingCustomer | Status::WaitingThirdParty => true,
        Status::Open | Status::Closed => false,
    };
    if from == to || !notify.unwrap_or(by_default) {
        return None;
    }
    Some(match to {
        Status::Resolved => NotificationTemplate::TicketResolved,
        _ => NotificationTemplate::TicketStatusChanged,
    })
}

/// The agents a customer's message is told to: the assignee alone, or everybody; never whoever wrote it.
pub fn agents_told<'a>(
    agents: &'a [Agent],
    assignee: Option<Uuid>,
    author: (Option<Uuid>, Option<&str>),
) -> Vec<&'a Agent> {
    let assignee = agents.iter().find(|agent| agent.is_active && Some(agent.id) == assignee);
    let told = match assignee {
        Some(one) => std::slice::from_ref(one),
        None => agents,
    };
    told.iter()
        .filter(|agent| agent.is_active)
        .filter(|agent| author.0 != Some(agent.id))
        .filter(|agent| !author.1.is_some_and(|email| email.eq_ignore_ascii_case(&agent.email)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;

    #[test]
    fn acknowledgements_are_few() {
        let ack = NotificationTemplate::TicketReceived;
        let status = NotificationTemplate::TicketResolved;
        for (template, acks_hour, acks_day, automatic_day, want) in [
            (ack, 0, 0, 0, true),
            (ack, 1, 1, 1, false),
            (ack, 0, 3, 3, true),
            (ack, 0, 4, 4, false),
            (ack, 0, 0, 20, false),
            (status, 1, 4, 4, true),
            (status, 0, 0, 19, true),
            (status, 0, 0, 20, false),
        ] {
            let recent = RecentMail { acks_hour, acks_day, automatic_day, suppressed: false };
            assert_eq!(recent.allows(template, 20), want, "{template} after {recent:?}");
        }
    }

    #[test]
    fn only_verified_senders_read_their_own_words() {
        use NotificationTemplate::{TicketReceived, TicketReceivedNeutral};
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
        use NotificationTemplate::{TicketResolved, TicketStatusChanged};
        for (from, to, notify, want) in [
            (Status::Open, Status::Resolved, None, Some(TicketResolved)),
            (Status::Open, Status::WaitingCustomer, None, Some(TicketStatusChanged)),
            (Status::Open, Status::WaitingCustomer, Some(false), None),
            (Status::Resolved, Status::Closed, None, None),
            (Status::Resolved, Status::Closed, Some(true), Some(TicketStatusChanged)),
            (Status::Resolved, Status::Open, None, None),
            (Status::Open, Status::Open, Some(true), None),
        ] {
            assert_eq!(status_notice(from, to, notify), want, "{from} to {to}, {notify:?}");
        }
    }

    #[test]
    fn nobody_is_told_of_their_own_act() {
        let agent = |n: u128, is_active| Agent {
            id: Uuid::from_u128(n),
            name: format!("Agent {n}"),
            email: format!("a{n}@desk.example"),
            role: "agent".into(),
            signature: None,
            locale: None,
            timezone: None,
            is_active,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            version: 1,
        };
        let agents = [agent(1, true), agent(2, true), agent(3, false)];
        let id = |n| Some(Uuid::from_u128(n));
        for (assignee, author, want) in [
            (None, (None, None), vec![1, 2]),
            (None, (id(1), None), vec![2]),
            (None, (None, Some("A2@desk.example")), vec![1]),
            (id(2), (None, None), vec![2]),
            (id(2), (id(2), None), vec![]),
            (id(3), (None, None), vec![1, 2]),
            (id(9), (None, None), vec![1, 2]),
        ] {
            let told: Vec<_> =
                agents_told(&agents, assignee, author).iter().map(|a| a.id.as_u128()).collect();
            assert_eq!(told, want, "assigned to {assignee:?}, by {author:?}");
        }
    }
}
