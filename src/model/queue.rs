//! What can be done with a mail in the outbox by hand: sent again, or taken back (API.md §5.4).

use super::{EmailStatus, OutboxEntry, Timestamp};

/// A mail that is due now, though it had ended or was to wait. It keeps its bytes, its Message-ID and its count of
/// tries. One that was kept instead of sent (`captured`) is really sent; one to a suppressed address goes this once,
/// the address stays suppressed.
///
/// `None` when it is not in a state to be sent again: it may still leave by itself, or it has left.
pub fn sent_again(mut entry: OutboxEntry, now: Timestamp, give_up_at: Timestamp) -> Option<OutboxEntry> {
    use EmailStatus::*;
    match entry.status {
        Failed | Bounced | Deferred | Suppressed => {}
        Captured => entry.released = true,
        Queued | Sending | Sent | Delivered | Cancelled => return None,
    }
    entry.status = Queued;
    entry.next_attempt_at = Some(now);
    entry.lease = None;
    entry.give_up_at = give_up_at;
    entry.bounced_at = None;
    entry.delivered_at = None;
    Some(entry)
}

/// A mail that will not leave. `None` when that can't be promised: a worker has it, or it has ended.
pub fn cancelled(mut entry: OutboxEntry) -> Option<OutboxEntry> {
    if !matches!(entry.status, EmailStatus::Queued | EmailStatus::Deferred) {
        return None;
    }
    entry.status = EmailStatus::Cancelled;
    entry.next_attempt_at = None;
    Some(entry)
}

#[cfg(test)]
mod tests {
    use super::super::delivery::tests::entry;
    use super::*;

    #[test]
    fn what_may_be_sent_again_or_cancelled() {
        use EmailStatus::*;
        for (status, again, released, cancel) in [
            (Queued, false, false, true),
            (Sending, false, false, false),
            (Deferred, true, false, true),
            (Sent, false, false, false),
            (Delivered, false, false, false),
            (Bounced, true, false, false),
            (Failed, true, false, false),
            (Suppressed, true, false, false),
            (Captured, true, true, false),
            (Cancelled, false, false, false),
        ] {
            let mail = OutboxEntry { status, attempts: 3, bounced_at: Some(Timestamp(1)), ..entry() };
            let sent = sent_again(mail.clone(), Timestamp(9), Timestamp(99));
            assert_eq!(sent.is_some(), again, "{status}");
            if let Some(sent) = sent {
                assert_eq!((sent.status, sent.next_attempt_at), (Queued, Some(Timestamp(9))), "{status}");
                assert_eq!((sent.give_up_at, sent.attempts, sent.bounced_at), (Timestamp(99), 3, None));
                assert_eq!((sent.released, sent.message_id), (released, mail.message_id.clone()), "{status}");
            }
            let ended = cancelled(mail);
            assert_eq!(ended.is_some(), cancel, "{status}");
            assert!(ended.is_none_or(|mail| mail.next_attempt_at.is_none()), "{status}");
        }
    }
}
