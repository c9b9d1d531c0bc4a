//! What a report says of one mail of ours, all its lines taken together.

use super::{Action, DeliveryReport, RecipientReport, fields};
use crate::model::bounce::Reported;

/// A report in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// What became of the mail.
    pub reported: Reported,
    /// Enhanced status code, where known.
    pub status: Option<String>,
    /// The remote's words.
    pub words: Option<String>,
    /// Whether another address failed than the one we wrote to: the mail was forwarded, or went to a list.
    pub is_forwarded: bool,
}

impl DeliveryReport {
    /// What it says of our mail to `address`: the gravest of what stands there for the address itself, else for any. A
    /// report that names nobody says that it failed; `None` for one that says nothing of its fate.
    pub fn about(&self, address: &str) -> Option<About> {
        if self.recipients.is_empty() {
            let (reported, words) = (Reported::Failed, self.unread.clone());
            return (!self.is_not_spam).then_some(About {
                reported,
                status: None,
                words,
                is_forwarded: false,
            });
        }
        let (own, others): (Vec<_>, Vec<_>) =
            self.recipients.iter().partition(|r| is_same_person(&r.recipient, address));
        let lines = if own.is_empty() { &others } else { &own };
        let graveness = [Action::Failed, Action::Delayed, Action::Delivered];
        let (line, reported) = graveness.into_iter().find_map(|action| {
            let line = lines.iter().find(|line| line.action == action)?;
            Some((line, reported(action)?))
        })?;
        let failed = |other: &&RecipientReport| other.action == Action::Failed;
        Some(About {
            reported,
            status: line.status.clone(),
            words: line.diagnostic.as_deref().map(|said| fields::untyped(said).to_owned()),
            is_forwarded: others.iter().any(failed),
        })
    }
}

fn reported(action: Action) -> Option<Reported> {
    match action {
        Action::Failed => Some(Reported::Failed),
        Action::Delayed => Some(Reported::Delayed),
        Action::Delivered => Some(Reported::Delivered),
        Action::Relayed | Action::Expanded | Action::Complaint => None,
    }
}

/// The same address, or the same name at a host of its own: servers rewrite `jo@example.org` to
/// `jo@mail.example.org` on the way.
fn is_same_person(reported: &str, ours: &str) -> bool {
    let parts = |address: &str| address.rsplit_once('@').map(|(l, d)| (l.to_lowercase(), d.to_lowercase()));
    match (parts(reported), parts(ours)) {
        (Some((local, domain)), Some((our_local, our_domain))) => {
            let within = |one: &str, other: &str| {
                one == other || one.strip_suffix(other).is_some_and(|host| host.ends_with('.'))
            };
            local == our_local && (within(&domain, &our_domain) || within(&our_domain, &domain))
        }
        _ => reported.eq_ignore_ascii_case(ours),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(recipient: &str, action: Action, status: &str) -> RecipientReport {
        RecipientReport {
            recipient: recipient.into(),
            action,
            status: Some(status.into()),
            diagnostic: Some(format!("about {recipient}")),
        }
    }

    #[test]
    fn a_report_says_one_thing_of_a_mail() {
        use Action::*;
        let jo = "Jo@example.org";
        let (ours, host, other) = ("jo@example.org", "jo@mx1.example.org", "jo@elsewhere.example");
        for (lines, want) in [
            (vec![line(ours, Failed, "5.1.1")], Some((Reported::Failed, "5.1.1", false))),
            (vec![line(host, Failed, "5.1.1")], Some((Reported::Failed, "5.1.1", false))),
            (vec![line(other, Failed, "5.1.1")], Some((Reported::Failed, "5.1.1", true))),
            (
                vec![line(ours, Failed, "5.1.1"), line(other, Failed, "5.1.1")],
                Some((Reported::Failed, "5.1.1", true)),
            ),
            (
                vec![line(other, Delivered, "2.0.0"), line(ours, Delayed, "4.4.1")],
                Some((Reported::Delayed, "4.4.1", false)),
            ),
            (
                vec![line("a@list.example", Delivered, "2.0.0"), line("b@list.example", Failed, "5.2.2")],
                Some((Reported::Failed, "5.2.2", true)),
            ),
            (vec![line(ours, Expanded, "2.0.0")], None),
            (vec![line(ours, Relayed, "2.0.0")], None),
        ] {
            let report = DeliveryReport { recipients: lines.clone(), ..DeliveryReport::default() };
            let about = report.about(jo);
            let got = about.as_ref().map(|a| (a.reported, a.status.as_deref().unwrap_or(""), a.is_forwarded));
            assert_eq!(got, want, "{lines:?}");
        }
        let silent = DeliveryReport::default().about(jo).expect("it failed");
        assert_eq!((silent.reported, silent.status), (Reported::Failed, None));
    }
}
