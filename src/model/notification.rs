//! The mails the desk writes (MAIL.md §2.1). Who gets which, and when, says [`super::told`].

use super::{Audience, Look, Looks, words};

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

    /// What it looks like: people's words and excuses plain, what the machine says branded, or as the settings say.
    pub fn look(self, looks: Looks) -> Look {
        match self {
            Self::RateLimitedNotice => Look::Plain,
            _ if self.is_from_person() => looks.reply,
            _ => looks.machine,
        }
    }

    /// Whether it is about a note, so that an answer to it stays internal too.
    pub fn is_about_a_note(self) -> bool {
        matches!(self, Self::AgentNote | Self::AgentMentioned)
    }

    /// Whether several of them on one ticket may come as one mail.
    pub fn comes_in_bursts(self) -> bool {
        matches!(self, Self::AgentCustomerMessage | Self::AgentNote)
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
