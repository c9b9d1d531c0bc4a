//! Mail that was held back: looked at, let in by a person, or thrown away. The ledger keeps its row and its bytes
//! either way.

use uuid::Uuid;

use super::intake::Reading;
use super::query::TicketRef;
use super::writing::{Answered, Ending};
use super::{Desk, Error, Result};
use crate::mail::reply_token::LinkKind;
use crate::model::*;
use crate::store::Tx;

/// Links in mails lead nowhere after this long, milliseconds.
const LINK_LIFE_MS: i64 = 30 * 24 * 3_600_000;
/// Most of a held mail that its page shows, characters.
const SHOWN: usize = 2_000;

/// How a held mail is let in (API.md §5.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// Where to.
    pub to: ReleaseTo,
    /// From now on the sender is believed: an agent's further address, or a customer's verified one.
    pub trust_sender: bool,
    /// Whether it mails those whom a mail like it would.
    pub notify: bool,
}

/// Where a held mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseTo {
    /// Where the rules of placement say.
    Auto,
    /// A ticket of its own.
    New,
    /// This ticket.
    Ticket(TicketRef),
}

/// What the page of a signed link is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkPage {
    /// A held mail that may be an agent's.
    Release {
        /// Who wrote it, as it says.
        from: String,
        /// Its subject.
        subject: String,
        /// The beginning of what it says.
        text: String,
        /// The agent in whose name it would be filed.
        agent: String,
        /// An address that would be the agent's from then on.
        adds: Option<String>,
        /// It is held no longer.
        done: bool,
    },
    /// An address that somebody used.
    Confirm {
        /// The address.
        address: String,
        /// It is verified.
        done: bool,
    },
    /// A form that somebody sent with this address.
    Pending {
        /// The address.
        address: String,
        /// When it was sent.
        sent_at: Timestamp,
        /// It is a ticket.
        done: bool,
    },
    /// Notifications of one kind.
    Unsubscribe {
        /// Who gets them.
        address: String,
        /// Which.
        kind: String,
    },
}

/// What a click on a link's page does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Click {
    /// The address becomes the agent's.
    pub trust_sender: bool,
}

impl Desk {
    /// A held mail.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or it is held no longer; the store's.
    pub async fn held_mail(&self, id: Uuid) -> Result<InboundRecord> {
        let mail = self.inbound_mail(id).await?;
        if mail.action == InboundAction::Quarantined {
            Ok(mail)
        } else {
            Err(Error::NotFound("inbound_mail"))
        }
    }

    /// Lets a held mail in, as it would have been filed had its sender been believed.
    ///
    /// # Errors
    /// [`Error::NotFound`] of the mail or the ticket; [`Error::InvalidState`] when it is held no longer, or none of its
    /// recipients is ours any more; the store's.
    pub async fn release_mail(
        &self,
        id: Uuid,
        release: Release,
        by: &Actor,
        ending: Ending<'_, InboundRecord>,
    ) -> Result<Answered> {
        let held = self.read_held(id, release.notify).await?;
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let (released, changed_directory) = self.let_in(&mut tx, held, &release, by).await?;
        let answered = self.conclude(tx, &ending, &released).await?;
        if changed_directory {
            self.reload_directory().await?;
        }
        Ok(answered)
    }

    /// The row of the mail as it stands now, and whether the directory changed.
    async fn let_in(
        &self,
        tx: &mut Tx,
        (record, mut mail): (InboundRecord, Reading),
        release: &Release,
        by: &Actor,
    ) -> Result<(InboundRecord, bool)> {
        const GONE: Error = Error::InvalidState("the mail is held no longer");
        if record.action != InboundAction::Quarantined {
            return Err(GONE);
        }
        let refiled = self.refile(tx, &record, &mut mail, release).await?;
        let released = InboundRecord {
            released_at: Some(self.clock().now()),
            released_by: by.name.clone(),
            ..refiled.over(record)
        };
        // Another node may have let it in at this moment.
        if tx.settle_held(&released).await? { Ok((released, refiled.changed_directory)) } else { Err(GONE) }
    }

    /// Throws a held mail away; row and bytes stay.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is none, or it is held no longer; the store's.
    pub async fn discard_mail(&self, id: Uuid, ending: Ending<'_, ()>) -> Result<Answered> {
        let held = self.held_mail(id).await?;
        let discarded = InboundRecord {
            action: InboundAction::Ignored,
            reason: "discarded".into(),
            detail: "thrown away".into(),
            ..held
        };
        let mut tx = self.store().begin().await?;
        if !tx.settle_held(&discarded).await? {
            return Err(Error::NotFound("inbound_mail"));
        }
        self.conclude(tx, &ending, &()).await
    }

    /// What a signed link is about. Nothing is changed: programs that follow links do no harm.
    ///
    /// # Errors
    /// [`Error::NotFound`] of a `confirmation`; [`Error::LinkExpired`]; the store's.
    pub async fn link_page(&self, token: &str) -> Result<LinkPage> {
        match self.keys().read_link(token).ok_or(Error::NotFound("confirmation"))? {
            (LinkKind::Release, mail) => self.release_page(mail).await,
            (LinkKind::Confirm, entry) => {
                let address = self.linked_mail(entry).await?.to_address;
                let known = self.store().read().await?.contact_email(&address).await?;
                Ok(LinkPage::Confirm { address, done: known.is_some_and(|known| known.verified) })
            }
            (LinkKind::Pending, form) => self.pending_page(form).await,
            (LinkKind::Unsubscribe, entry) => {
                let entry = self.linked_mail(entry).await?;
                Ok(LinkPage::Unsubscribe { address: entry.to_address, kind: entry.template })
            }
        }
    }

    /// Somebody clicked on the page of a signed link: does what it says. Once more changes nothing.
    ///
    /// # Errors
    /// As [`Desk::link_page`]; [`Error::InvalidState`] when it can't be done any more.
    pub async fn follow_link(&self, token: &str, click: Click) -> Result<LinkPage> {
        let page = self.link_page(token).await?;
        match (self.keys().read_link(token), &page) {
            (Some((LinkKind::Release, mail)), LinkPage::Release { agent, done: false, .. }) => {
                self.release_by_link(mail, agent, click).await?;
            }
            (Some((LinkKind::Confirm, _)), LinkPage::Confirm { address, done: false }) => {
                let mut tx = self.store().begin().await?;
                tx.verify_contact_email(address).await?;
                tx.commit().await?;
            }
            (Some((LinkKind::Pending, form)), LinkPage::Pending { done: false, .. }) => {
                self.open_pending(form).await?;
            }
            (Some((LinkKind::Unsubscribe, entry)), LinkPage::Unsubscribe { .. }) => {
                self.unsubscribe(entry).await?;
            }
            _ => {}
        }
        Ok(page)
    }

    async fn release_by_link(&self, mail: Uuid, agent: &str, click: Click) -> Result<()> {
        let release = Release { to: ReleaseTo::Auto, trust_sender: click.trust_sender, notify: true };
        let by = Actor { r#type: ActorType::Agent, id: None, name: Some(agent.to_owned()) };
        let held = self.read_held(mail, release.notify).await?;
        let mut tx = self.store().begin().await?;
        let (_, changed_directory) = self.let_in(&mut tx, held, &release, &by).await?;
        tx.commit().await?;
        self.ring_outbox();
        if changed_directory { self.reload_directory().await } else { Ok(()) }
    }

    async fn release_page(&self, id: Uuid) -> Result<LinkPage> {
        let (record, mail) = match self.read_held(id, true).await {
            Err(Error::NotFound(_)) => return Err(Error::NotFound("confirmation")),
            read => read?,
        };
        self.check_link_age(record.received_at)?;
        // Placing a mail locks its ticket, so this is a verb, of which nothing stays.
        let mut tx = self.store().begin().await?;
        let claim = self.claim(&mut tx, &mail).await?;
        tx.rollback().await?;
        let agent = claim.agent.ok_or(Error::NotFound("confirmation"))?;
        let from = match &mail.from_name {
            Some(name) => format!("{name} <{}>", mail.from_address),
            None => mail.from_address.clone(),
        };
        Ok(LinkPage::Release {
            from,
            subject: mail.subject.clone(),
            text: mail.body_text.chars().take(SHOWN).collect(),
            agent: agent.name,
            adds: claim.adds,
            done: record.action != InboundAction::Quarantined,
        })
    }

    /// The mail that a link stood in.
    async fn linked_mail(&self, entry: Uuid) -> Result<OutboxEntry> {
        let entry = self.store().read().await?.outbox_entry(entry).await?;
        let entry = entry.ok_or(Error::NotFound("confirmation"))?;
        self.check_link_age(entry.created_at)?;
        Ok(entry)
    }

    fn check_link_age(&self, made: Timestamp) -> Result<()> {
        if made.plus_ms(LINK_LIFE_MS) < self.clock().now() { Err(Error::LinkExpired) } else { Ok(()) }
    }
}
