//! Mail that did not arrive: why, whether its address gets any more, and how much a report on it is believed.

use super::{EmailStatus, NotificationTemplate, OutboxEntry, Suppression, Timestamp, words};

/// A day, in milliseconds.
pub const DAY_MS: i64 = 24 * 3_600_000;

/// A report without proof is tied to mail that left no longer ago than this, milliseconds: MTAs give up after five
/// days (RFC 5321 §4.5.4.1).
pub const REPORT_WITHIN_MS: i64 = 5 * DAY_MS;

words! {
    /// Why a mail did not arrive, in a word: what people are told is chosen by it.
    Cause {
        /// There is nobody at the address, or not any more.
        NoSuchUser = "no_such_user",
        /// The mailbox takes no more.
        MailboxFull = "mailbox_full",
        /// Taken for spam, or against the remote's policy.
        RefusedAsSpam = "refused_as_spam",
        /// Larger than the remote takes.
        TooLarge = "too_large",
        /// The domain does not exist, or takes no mail.
        DomainUnknown = "domain_unknown",
        /// Tried until we, or a relay, gave up.
        NoAnswerForDays = "no_answer_for_days",
        /// None of these.
        Other = "other",
    }
}

impl Cause {
    /// From an enhanced status code (RFC 3463, and the extensions that IANA lists). What is only temporary by its
    /// class was tried for days before it became final.
    pub fn of(code: &str) -> Self {
        let (class, rest) = code.split_once('.').unwrap_or((code, ""));
        match rest {
            "2.2" => Self::MailboxFull,
            "3.4" | "2.3" => Self::TooLarge,
            "1.2" | "1.10" | "4.4" => Self::DomainUnknown,
            _ if class == "4" => Self::NoAnswerForDays,
            "1.1" | "1.3" | "1.4" | "1.6" | "2.0" | "2.1" => Self::NoSuchUser,
            "4.1" | "4.7" => Self::NoAnswerForDays,
            _ if rest.starts_with("7.") => Self::RefusedAsSpam,
            _ => Self::Other,
        }
    }
}

/// How much a failure says against its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// There is nobody, and never will be: no more mail.
    Hard,
    /// It may be better another day: counted.
    Soft,
    /// It was the mail, or us: the address is as good as before.
    Light,
}

impl Weight {
    /// From an enhanced status code. Refusals for policy, content, size, protocol or our own address are no fault of the
    /// recipient's.
    pub fn of(code: &str) -> Self {
        let rest = code.split_once('.').map_or("", |(_, rest)| rest);
        let (subject, detail) = rest.split_once('.').unwrap_or((rest, ""));
        match (subject, detail) {
            _ if is_no_such_user(code) => Self::Hard,
            ("5" | "6" | "7", _) | ("3", "4") | ("2", "3") | ("1", "7" | "8") => Self::Light,
            _ => Self::Soft,
        }
    }
}

/// Whether an enhanced status code (RFC 3463) says that there is nobody at the address and never will be: bad or
/// moved mailbox, bad domain, address syntax, null MX (RFC 7505), disabled mailbox. Such an address gets no more mail.
pub fn is_no_such_user(enhanced_code: &str) -> bool {
    matches!(enhanced_code, "5.1.1" | "5.1.2" | "5.1.3" | "5.1.6" | "5.1.10" | "5.2.1")
}

/// What a report was tied to its mail by.
///
/// | tied by | row marked | note | author told | address counted, suppressed, released |
/// |---|---|---|---|---|
/// | the token in the return path | yes | yes | yes | yes |
/// | the signed Message-ID that is given back | yes | yes | yes | yes |
/// | recipient and time | failed only | yes | no | no |
///
/// Only servers on a mail's way, and its recipient, have seen its token or its Message-ID; whom we write to, anybody may
/// guess. So what is proved counts though something else was said before without proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TiedBy {
    /// `bounce+token@`.
    ReturnPath,
    /// Our Message-ID, signed.
    MessageId,
    /// The newest mail to the address that the report names.
    Recipient,
}

impl TiedBy {
    /// Whether the report comes from somebody who has seen the mail.
    pub fn is_proof(self) -> bool {
        self != Self::Recipient
    }
}

/// What a report says of one mail of ours, its lines taken together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reported {
    /// It will not arrive.
    Failed,
    /// It is still being tried.
    Delayed,
    /// It arrived.
    Delivered,
}

/// Where a mail stands after a report on it (RFC 3464), with the report's code and words in the log. Reports come in any
/// order: a bounce is final, and what arrived is no longer late.
pub fn after_report(
    mut entry: OutboxEntry,
    reported: Reported,
    code: Option<&str>,
    words: Option<&str>,
    at: Timestamp,
) -> OutboxEntry {
    if entry.status == EmailStatus::Bounced
        || (reported == Reported::Delayed && entry.status != EmailStatus::Sent)
    {
        return entry;
    }
    entry.enhanced_code = code.map(Into::into).or(entry.enhanced_code);
    entry.smtp_response = words.map(Into::into).or(entry.smtp_response);
    match reported {
        Reported::Failed => {
            entry.status = EmailStatus::Bounced;
            entry.bounced_at.get_or_insert(at);
            entry.next_attempt_at = None;
        }
        Reported::Delivered => {
            entry.delivered_at.get_or_insert(at);
            if entry.status == EmailStatus::Sent {
                entry.status = EmailStatus::Delivered;
            }
        }
        Reported::Delayed => {}
    }
    entry
}

/// Whether a delay report is the first on its mail: the code of the one before is still in the log.
pub fn is_first_delay(before: &OutboxEntry) -> bool {
    let delayed = before.enhanced_code.as_deref().is_some_and(|code| code.starts_with('4'));
    before.status == EmailStatus::Sent && !delayed
}

/// Whether a suppression stays when another one comes: what a person decided or complained of does, and what lasts
/// longer does.
pub fn outlasts(current: &Suppression, new: &Suppression) -> bool {
    match (current.expires_at, new.expires_at) {
        (Some(_), None) => false,
        (None, _) => current.reason != "hard_bounce" || new.expires_at.is_some(),
        (Some(current), Some(new)) => current >= new,
    }
}

impl NotificationTemplate {
    /// Whether somebody misses something when it does not arrive: what a person wrote, and the notices that a customer
    /// should act on. A lost receipt is a line in the history, no more.
    pub fn is_missed(self) -> bool {
        self.is_from_person() || matches!(self, Self::TicketResolved | Self::TicketWaitingReminder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_say_why_and_how_bad_it_is() {
        use Cause::*;
        use Weight::*;
        for (code, cause, weight) in [
            ("5.1.0", Other, Soft),
            ("5.1.1", NoSuchUser, Hard),
            ("5.1.6", NoSuchUser, Hard),
            ("5.2.1", NoSuchUser, Hard),
            ("5.1.2", DomainUnknown, Hard),
            ("5.1.10", DomainUnknown, Hard),
            ("5.4.4", DomainUnknown, Soft),
            ("4.1.1", NoAnswerForDays, Soft),
            ("5.2.2", MailboxFull, Soft),
            ("4.2.2", MailboxFull, Soft),
            ("4.4.7", NoAnswerForDays, Soft),
            ("5.4.7", NoAnswerForDays, Soft),
            ("4.7.1", NoAnswerForDays, Light),
            ("5.7.1", RefusedAsSpam, Light),
            ("5.7.26", RefusedAsSpam, Light),
            ("5.3.4", TooLarge, Light),
            ("5.2.3", TooLarge, Light),
            ("5.1.8", Other, Light),
            ("5.6.0", Other, Light),
            ("5.5.4", Other, Light),
            ("5.0.0", Other, Soft),
            ("5.4.6", Other, Soft),
            ("", Other, Soft),
        ] {
            assert_eq!((Cause::of(code), Weight::of(code)), (cause, weight), "{code}");
        }
    }

    #[test]
    fn reports_complete_delay_or_bounce_a_mail() {
        use EmailStatus::*;
        for (status, reported, want) in [
            (Sent, Reported::Delivered, Delivered),
            (Sent, Reported::Failed, Bounced),
            (Sent, Reported::Delayed, Sent),
            (Delivered, Reported::Failed, Bounced),
            (Delivered, Reported::Delayed, Delivered),
            (Bounced, Reported::Delivered, Bounced),
            (Bounced, Reported::Delayed, Bounced),
        ] {
            let entry = OutboxEntry { status, ..crate::model::delivery::tests::entry() };
            let after = after_report(entry, reported, Some("4.2.2"), Some("full"), Timestamp(9));
            assert_eq!(after.status, want, "{status} {reported:?}");
            let logged = after.smtp_response.as_deref() == Some("full");
            assert_eq!(logged, status == Sent || (status, reported) == (Delivered, Reported::Failed));
            assert_eq!(after.bounced_at.is_some(), want == Bounced && status != Bounced);
        }
    }

    #[test]
    fn what_people_decided_outlasts_what_bounced() {
        let suppression = |reason: &str, expires_at: Option<i64>| Suppression {
            id: uuid::Uuid::nil(),
            address: "jo@example.org".into(),
            reason: reason.into(),
            outbox_id: None,
            note: None,
            expires_at: expires_at.map(Timestamp),
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            version: 1,
        };
        for (current, new, want) in [
            (("manual", None), ("hard_bounce", None), true),
            (("complaint", None), ("hard_bounce", None), true),
            (("complaint", None), ("hard_bounce", Some(5)), true),
            (("hard_bounce", None), ("complaint", None), false),
            (("hard_bounce", None), ("hard_bounce", Some(5)), true),
            (("hard_bounce", Some(5)), ("hard_bounce", None), false),
            (("hard_bounce", Some(5)), ("hard_bounce", Some(9)), false),
            (("manual", Some(9)), ("hard_bounce", Some(5)), true),
        ] {
            let got = outlasts(&suppression(current.0, current.1), &suppression(new.0, new.1));
            assert_eq!(got, want, "{current:?} then {new:?}");
        }
    }

    #[test]
    fn only_who_has_seen_a_mail_is_believed() {
        for (by, want) in [(TiedBy::ReturnPath, true), (TiedBy::MessageId, true), (TiedBy::Recipient, false)]
        {
            assert_eq!(by.is_proof(), want, "{by:?}");
        }
    }
}
