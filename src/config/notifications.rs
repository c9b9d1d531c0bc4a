//! `[notifications]`: which mails are sent unless a caller wishes otherwise (API.md §1.8), and what goes with them.

use serde::{Deserialize, Serialize};

use crate::model::NotificationTemplate;

/// `[notifications]` (MAIL.md §2.1).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "each switch has the key of its mail")]
pub struct Notifications {
    pub ticket_received: bool,
    pub ticket_status_changed: bool,
    pub ticket_resolved: bool,
    pub message_received: bool,
    pub ticket_waiting_reminder: bool,
    pub ticket_reopened: bool,
    pub ticket_merged: bool,
    pub rate_limited_notice: bool,
    pub agent_new_ticket: bool,
    pub agent_assigned: bool,
    pub agent_customer_message: bool,
    pub agent_note: bool,
    pub agent_mentioned: bool,
    pub agent_reopened: bool,
    pub agent_delivery_failed: bool,
    pub agent_command_result: bool,
    pub agent_reply_refused: bool,
    pub admin_queue_stuck: bool,
    pub admin_check_failed: bool,
    /// Days without an answer after which `ticket_waiting_reminder` is sent.
    pub waiting_reminder_days: u32,
    /// Minutes in which what follows the first message on a ticket is gathered into one mail to an agent.
    pub bundle_minutes: u32,
    /// Most automatic mails to one agent a day.
    pub max_per_agent_day: u32,
}

impl Default for Notifications {
    fn default() -> Self {
        Self {
            ticket_received: true,
            ticket_status_changed: true,
            ticket_resolved: true,
            message_received: false,
            ticket_waiting_reminder: false,
            ticket_reopened: false,
            ticket_merged: false,
            rate_limited_notice: false,
            agent_new_ticket: true,
            agent_assigned: true,
            agent_customer_message: true,
            agent_note: true,
            agent_mentioned: true,
            agent_reopened: false,
            agent_delivery_failed: true,
            agent_command_result: true,
            agent_reply_refused: true,
            admin_queue_stuck: false,
            admin_check_failed: false,
            waiting_reminder_days: 3,
            bundle_minutes: 5,
            max_per_agent_day: 1_000,
        }
    }
}

impl Notifications {
    /// Whether a mail is switched on. What a person wrote always is.
    pub fn is_on(&self, template: NotificationTemplate) -> bool {
        use NotificationTemplate as T;
        match template {
            T::TicketReply | T::TicketOpenedForYou => true,
            T::TicketReceived | T::TicketReceivedNeutral => self.ticket_received,
            T::TicketStatusChanged => self.ticket_status_changed,
            T::TicketResolved => self.ticket_resolved,
            T::MessageReceived => self.message_received,
            T::TicketWaitingReminder => self.ticket_waiting_reminder,
            T::TicketReopened => self.ticket_reopened,
            T::TicketMerged => self.ticket_merged,
            T::RateLimitedNotice => self.rate_limited_notice,
            T::AgentNewTicket => self.agent_new_ticket,
            T::AgentAssigned => self.agent_assigned,
            T::AgentCustomerMessage => self.agent_customer_message,
            T::AgentNote => self.agent_note,
            T::AgentMentioned => self.agent_mentioned,
            T::AgentReopened => self.agent_reopened,
            T::AgentDeliveryFailed => self.agent_delivery_failed,
            T::AgentCommandResult => self.agent_command_result,
            T::AgentReplyRefused => self.agent_reply_refused,
            T::AdminQueueStuck => self.admin_queue_stuck,
            T::AdminCheckFailed => self.admin_check_failed,
        }
    }
}
