//! Who is told what, and when: the mails the desk writes (MAIL.md §2.1).

use super::words;

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
        /// To agents: a new ticket nobody has.
        AgentNewTicket = "agent_new_ticket",
        /// To the assignee: the customer wrote.
        AgentCustomerMessage = "agent_customer_message",
    }
}

impl NotificationTemplate {
    /// Whether a person wrote it (plain look, no `Auto-Submitted`), rather than the machine.
    pub fn is_from_person(self) -> bool {
        matches!(self, Self::TicketReply | Self::TicketOpenedForYou)
    }
}
