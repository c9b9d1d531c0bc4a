//! Templates at work: filled for a ticket, shown with a real one, mailed to an agent to be looked at.

use serde_json::{Value, json};
use uuid::Uuid;

use super::notify::Notice;
use super::query::{TemplateFilter, TicketRef};
use super::reading::present;
use super::templates::teams_of;
use super::writing::{Answered, Ending};
use super::{Body, Caller, Desk, Error, Result};
use crate::model::template::distance;
use crate::model::*;
use crate::store::Tx;

/// A template's text made for a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyText {
    /// The template.
    pub template_id: Uuid,
    /// What it says.
    pub body: Body,
}

impl Desk {
    /// A template to answer with.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the caller sees none, or it is switched off; the store's.
    pub async fn answer_template(&self, id: Uuid, caller: &Caller) -> Result<TemplateRecord> {
        let template = self.template(id, Some(caller)).await?;
        template.filter(|t| t.is_active && t.r#type == TemplateType::Reply).ok_or(Error::Invalid {
            pointer: "/template_id",
            code: "not_found",
            detail: "no active reply template has this id".into(),
        })
    }

    /// A reply template filled for a ticket; `variables` are the caller's own.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Deleted`], [`Error::Template`]; the store's.
    pub async fn fill_reply(
        &self,
        ticket: &TicketRef,
        template: &TemplateRecord,
        variables: Option<Value>,
        caller: &Caller,
    ) -> Result<Body> {
        let mut tx = self.store().read().await?;
        let ticket = present(tx.find_ticket(ticket).await?)?;
        let actor = caller.actor();
        let who = (caller.agent.as_ref(), actor.name.as_deref());
        Ok(self.filled(&mut tx, template, &ticket, who, variables).await?.body)
    }

    /// A made-up mail with the ticket, the newest message and the people of a real one.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Deleted`]; the store's.
    pub async fn mail_about(&self, sample: OutgoingMail, ticket: &TicketRef) -> Result<OutgoingMail> {
        let mut tx = self.store().read().await?;
        let ticket = present(tx.find_ticket(ticket).await?)?;
        let wanted = sample.response.as_ref().map(|response| (response.author_type, response.visibility));
        let responses = tx.responses_of(ticket.id).await?;
        let like = responses.iter().rfind(|r| Some((r.author_type, r.visibility)) == wanted);
        let like = like.or(responses.iter().rfind(|r| r.visibility == Visibility::Public));
        let subject = if sample.entry.verified {
            format!("Re: {}", ticket.mail_subject)
        } else {
            format!("[{}]", ticket.number)
        };
        let entry = OutboxEntry {
            ticket_id: Some(ticket.id),
            response_id: like.map(|response| response.id),
            subject,
            ..sample.entry
        };
        drop(tx);
        self.outgoing(&entry).await
    }

    /// The reply template of this key or name (any case) that the agent sees, in the language nearest to the ticket's,
    /// filled for it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when none has the name, [`Error::Template`]; the store's.
    pub async fn reply_text(
        &self,
        tx: &mut Tx,
        name: &str,
        ticket: &Ticket,
        agent: &Agent,
    ) -> Result<ReplyText> {
        let mut named = tx.reply_templates_named(&name.trim().to_lowercase()).await?;
        if let Some(teams) = teams_of(tx, Some(agent)).await? {
            named.retain(|template| TemplateFilter::Seen(teams.clone()).allows(template));
        }
        let wanted = ticket.locale.as_deref().unwrap_or_default();
        let nearest = named.into_iter().min_by_key(|t| distance(&t.locale, wanted).unwrap_or(u8::MAX));
        let template = nearest.ok_or(Error::NotFound("template"))?;
        self.filled(tx, &template, ticket, (Some(agent), None), None).await
    }

    async fn filled(
        &self,
        tx: &mut Tx,
        template: &TemplateRecord,
        ticket: &Ticket,
        who: (Option<&Agent>, Option<&str>),
        variables: Option<Value>,
    ) -> Result<ReplyText> {
        let requester = tx.contact(ticket.requester_id).await?;
        let mailbox = self.mailbox_of(Some(ticket));
        let facts = template::ReplyFacts {
            ticket,
            requester_name: requester.as_ref().and_then(|contact| contact.name.as_deref()),
            agent: who.0,
            agent_name: who.1,
            brand: &self.inner.config.email.brand,
            mailbox: mailbox.as_ref(),
            public_url: self.inner.config.http.public_url.as_deref(),
        };
        let text = template::fill(template, facts, variables)?;
        Ok(ReplyText { template_id: template.id, body: Body { text, format: template.body_format } })
    }
}

/// A template to be mailed to an agent, with made-up values in it.
#[derive(Debug, Clone)]
pub struct TemplateTest {
    /// The template.
    pub template: TemplateRecord,
    /// The agent's address, lower case.
    pub to: String,
    /// The language to show it in.
    pub locale: String,
    /// Text and safe HTML of a reply template.
    pub reply: Option<(String, Option<String>)>,
}

impl Desk {
    /// Mails a template to an agent. The mail goes through the outbox as every mail, and counts to no cap.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the address is no agent's; the store's.
    pub async fn test_template(
        &self,
        test: TemplateTest,
        ending: Ending<'_, OutboxEntry>,
    ) -> Result<Answered> {
        let directory = self.directory();
        let agent = directory.agent_by_address(&test.to).ok_or(Error::Invalid {
            pointer: "/to",
            code: "not_allowed",
            detail: "tests go to agents alone".into(),
        })?;
        let mut tx = self.store().begin().await?;
        if let Some(replayed) = self.replay(&mut tx, &ending).await? {
            return Ok(replayed);
        }
        let key =
            NotificationTemplate::parse(&test.template.key).unwrap_or(NotificationTemplate::TicketReply);
        let trial = TrialMail { template_id: test.template.id, reply: test.reply };
        let notice = Notice {
            to: &test.to,
            locale: Some(&test.locale),
            context: json!({ TrialMail::MEMBER: trial }),
            ..Notice::to_agent(key, None, agent)
        };
        let suppressed = tx.suppression(&test.to, self.clock().now()).await?.is_some();
        let entry = OutboxEntry {
            audience: Audience::Agent,
            automatic: false,
            subject: format!("{} {key}", TrialMail::MARK),
            ..self.entry(&notice, suppressed)
        };
        tx.insert_outbox(&entry).await?;
        self.conclude(tx, &ending, &entry).await
    }
}
