//! What a mail on its way out is rendered and composed from.

use serde_json::Value;
use uuid::Uuid;

use super::merge::OTHER_REQUESTER;
use super::notify::domain_of;
use super::{Desk, Result};
use crate::mail::html;
use crate::mail::reply_token::TokenReading;
use crate::model::{
    ActorType, AttachmentRecord, Audience, Look, MessageId, NotificationTemplate, OutboxEntry, OutgoingMail,
    Quote, Response, Ticket, Visibility,
};
use crate::store::Tx;

/// Flag of a message whose sender isn't known to be who they say: shown to agents, never mailed (MAIL.md §1.4).
const UNVERIFIED_SENDER: &str = "unverified_sender";
/// Newest Message-IDs that ride in `References` (MAIL.md §2.2).
const MAX_REFERENCES: usize = 20;

impl Desk {
    /// Loads what a mail is rendered and composed from.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn outgoing(&self, entry: &OutboxEntry) -> Result<OutgoingMail> {
        let mut tx = self.store().read().await?;
        let ticket = match entry.ticket_id {
            Some(id) => tx.ticket(id).await?,
            None => None,
        };
        let responses = match &ticket {
            Some(ticket) => responses_of(&mut tx, ticket).await?,
            None => Vec::new(),
        };
        let response = responses.iter().find(|response| Some(response.id) == entry.response_id).cloned();
        let mut earlier = self.quotable(&responses, response.as_ref()).into_iter();
        let mut mail = self.bare_outgoing(entry, ticket, response);
        mail.bundled = bundled(entry, &responses);
        if let Some(ticket) = &mail.ticket {
            mail.requester_name = tx.contact(ticket.requester_id).await?.and_then(|contact| contact.name);
            let sent = tx.sent_message_ids(ticket.id, &entry.to_address, limit_of(MAX_REFERENCES)).await?;
            (mail.in_reply_to, mail.references) = self.thread(entry, ticket, &responses, sent);
        }
        if mail.author_may_show(entry) {
            mail.author = self.author(&mut tx, entry).await?;
        }
        let mut records = Vec::new();
        for response in mail.told() {
            let all = tx.attachments_of_response(response).await?;
            records.extend(all.into_iter().filter(|record| !is_left_over(record, &responses)));
        }
        self.add_files(&mut tx, &mut mail, records).await?;
        mail.quoted = earlier.next().cloned();
        mail.history = earlier.cloned().collect();
        Ok(mail)
    }

    fn bare_outgoing(
        &self,
        entry: &OutboxEntry,
        ticket: Option<Ticket>,
        response: Option<Response>,
    ) -> OutgoingMail {
        let response = response.map(told_of);
        let mailbox = self.mailbox_of(ticket.as_ref());
        let reply_to = ticket.as_ref().map(|ticket| self.reply_address(entry, ticket));
        let email = &self.inner.config.email;
        let template = NotificationTemplate::parse(&entry.template);
        OutgoingMail {
            entry: entry.clone(),
            date: self.inner.clock.now(),
            mailbox,
            brand: email.brand.clone(),
            look: template.map_or(Look::Branded, |template| template.look(email.look)),
            reply_marker: email.reply_marker.clone().filter(|_| entry.audience == Audience::Customer),
            timezone: self.timezone_of(entry),
            public_url: self.inner.config.http.public_url.clone(),
            ticket,
            requester_name: None,
            response_html: response.as_ref().map(safe_html),
            response,
            bundled: Vec::new(),
            quoted: None,
            history: Vec::new(),
            author: None,
            links: self.links_of(entry),
            files: Vec::new(),
            file_names: Vec::new(),
            downloads: Vec::new(),
            reply_to,
            in_reply_to: None,
            references: Vec::new(),
        }
    }

    /// The messages that stand below a response, newest first, as the settings wish.
    fn quotable<'a>(&self, responses: &'a [Response], response: Option<&Response>) -> Vec<&'a Response> {
        let Some(response) = response else { return Vec::new() };
        let earlier = before(responses, response);
        match self.inner.config.email.quote {
            Quote::None => Vec::new(),
            Quote::Last => earlier.into_iter().find(|earlier| is_theirs(earlier)).into_iter().collect(),
            Quote::All => earlier,
        }
    }

    /// An agent's own zone; for everybody else the shop's.
    fn timezone_of(&self, entry: &OutboxEntry) -> String {
        let directory = self.directory();
        let agent =
            directory.agent_by_address(&entry.to_address).filter(|_| entry.audience != Audience::Customer);
        let own = agent.and_then(|agent| agent.timezone.clone());
        own.unwrap_or_else(|| self.inner.config.email.timezone.clone())
    }

    /// The mailbox, with the token of (ticket, recipient).
    fn reply_address(&self, entry: &OutboxEntry, ticket: &Ticket) -> String {
        let token = match is_about_a_note(entry) {
            true => self.keys().note_token(&ticket.number, &entry.to_address),
            false => self.keys().reply_token(&ticket.number, &entry.to_address),
        };
        let (local, domain) =
            entry.from_address.rsplit_once('@').unwrap_or((&entry.from_address, "localhost"));
        format!("{local}{}{token}@{domain}", self.inner.config.email.recipient_delimiter)
    }

    /// The agent who wrote the response, where the row names one.
    async fn author(&self, tx: &mut Tx, entry: &OutboxEntry) -> Result<Option<crate::model::Agent>> {
        let Some(id) = id_in(&entry.context, "author_id") else { return Ok(None) };
        let agents = tx.active_agents().await?;
        Ok(agents.into_iter().find(|agent| agent.id == id))
    }

    /// `In-Reply-To` and `References`: the ticket's root, the newest ids this recipient may know, our token last.
    /// An unverified recipient gets the token alone: a Message-ID is its sender's own words.
    fn thread(
        &self,
        entry: &OutboxEntry,
        ticket: &Ticket,
        responses: &[Response],
        sent: Vec<String>,
    ) -> (Option<MessageId>, Vec<MessageId>) {
        let domain = domain_of(&entry.from_address);
        let token = match is_about_a_note(entry) {
            true => self.keys().note_thread_id(&ticket.number, &entry.to_address, domain),
            false => self.keys().thread_id(&ticket.number, &entry.to_address, domain),
        };
        if !entry.verified {
            return (Some(token.clone()), vec![token]);
        }
        let before = responses.iter().take_while(|response| Some(response.id) != entry.response_id);
        let own =
            responses.iter().filter(|response| entry.automatic && Some(response.id) == entry.response_id);
        let mut known: Vec<MessageId> = before
            .chain(own)
            .filter(|response| response.visibility == Visibility::Public)
            // An agent's own mail never left for anybody but us; its id tells where the agent's mail comes from.
            .filter(|response| response.author_type != ActorType::Agent)
            .filter_map(|response| MessageId::new(response.message_id.as_deref()?))
            .filter(|id| self.may_know(id, &entry.to_address))
            .collect();
        let answered = known.last().cloned();
        known.extend(sent.iter().rev().filter_map(|id| MessageId::new(id)));
        let root = known.first().cloned();
        let newest = known.iter().skip(1).rev().take(MAX_REFERENCES).rev().cloned();
        let references: Vec<MessageId> = root.into_iter().chain(newest).chain([token.clone()]).collect();
        (Some(answered.unwrap_or(token)), references)
    }

    /// A Message-ID of ours carries its recipient's reply token: nobody else may see it.
    fn may_know(&self, id: &MessageId, recipient: &str) -> bool {
        let (local, _) = id.as_str().rsplit_once('@').unwrap_or((id.as_str(), ""));
        let token = local.split_once('.').map_or(local, |(token, _)| token);
        match self.inner.keys.read_reply(token) {
            TokenReading::Valid(token) => token.was_sent_to(&self.inner.keys, recipient),
            TokenReading::Forged | TokenReading::NotAToken => true,
        }
    }
}

impl OutgoingMail {
    /// The messages in it, oldest first.
    fn told(&self) -> Vec<Uuid> {
        match self.bundled.as_slice() {
            [] => self.response.iter().map(|response| response.id).collect(),
            bundled => bundled.iter().map(|(response, _)| response.id).collect(),
        }
    }

    /// Only what an agent wrote carries the agent's name and signature.
    fn author_may_show(&self, entry: &OutboxEntry) -> bool {
        !entry.automatic && self.response.is_some()
    }
}

/// An answer to it stays internal.
fn is_about_a_note(entry: &OutboxEntry) -> bool {
    NotificationTemplate::parse(&entry.template).is_some_and(NotificationTemplate::is_about_a_note)
}

/// An id in a row's context.
pub(super) fn id_in(context: &Value, name: &str) -> Option<Uuid> {
    Uuid::try_parse(context.get(name)?.as_str()?).ok()
}

/// Every message a mail tells, oldest first; empty when it is the row's alone.
fn bundled(entry: &OutboxEntry, responses: &[Response]) -> Vec<(Response, Option<String>)> {
    let Some(more) = entry.context.get("more").and_then(Value::as_array) else { return Vec::new() };
    let more: Vec<Uuid> = more.iter().filter_map(|id| Uuid::try_parse(id.as_str()?).ok()).collect();
    let told = responses.iter().filter(|one| entry.response_id == Some(one.id) || more.contains(&one.id));
    told.map(|response| {
        let response = told_of(response.clone());
        let html = safe_html(&response);
        (response, Some(html))
    })
    .collect()
}

/// What may be quoted under a response, newest first: public messages before it, but none that a stranger slipped in, or
/// that came with somebody else's ticket.
fn before<'a>(responses: &'a [Response], response: &Response) -> Vec<&'a Response> {
    let end = responses.iter().position(|earlier| earlier.id == response.id).unwrap_or(responses.len());
    let earlier = responses[..end].iter().rev();
    let told = earlier.filter(|earlier| {
        earlier.visibility == Visibility::Public
            && earlier.deleted_at.is_none()
            && !earlier.flags.iter().any(|flag| flag == UNVERIFIED_SENDER || flag == OTHER_REQUESTER)
    });
    told.collect()
}

fn is_theirs(response: &Response) -> bool {
    matches!(response.author_type, ActorType::Customer | ActorType::Seller)
}

/// A message as it is mailed on: of a long one that no agent wrote, its beginning. The whole stands in the ticket, and mail
/// programs cut what has more than 100 kB of HTML.
fn told_of(response: Response) -> Response {
    const MAX_TEXT: usize = 20_000;
    const MAX_HTML: usize = 60_000;
    let html = response.body_html.as_ref().map_or(0, String::len);
    let is_short = response.body_text.len() <= MAX_TEXT && html <= MAX_HTML;
    if is_short || response.author_type == ActorType::Agent {
        return response;
    }
    let end = response.body_text.floor_char_boundary(MAX_TEXT);
    Response { body_text: format!("{}…", &response.body_text[..end]), body_html: None, ..response }
}

/// What was sanitised when it came in; text made into HTML.
fn safe_html(response: &Response) -> String {
    response.body_html.clone().unwrap_or_else(|| html::from_text(&response.body_text))
}

/// A picture of what was cut: a logo in a signature, or of quoted mail.
fn is_left_over(file: &AttachmentRecord, responses: &[Response]) -> bool {
    let of = responses.iter().find(|response| Some(response.id) == file.response_id);
    let id = file.id.to_string();
    file.is_inline && of.is_some_and(|of| of.body_html.as_ref().is_some_and(|html| !html.contains(&id)))
}

/// What was said on a ticket, or on the one it was merged into, where it is now.
async fn responses_of(tx: &mut Tx, ticket: &Ticket) -> Result<Vec<Response>> {
    const MAX_MERGES: usize = 20;
    let mut at = (ticket.id, ticket.merged_into_id);
    for _ in 0..MAX_MERGES {
        let Some(next) = at.1 else { break };
        at = (next, tx.ticket(next).await?.and_then(|ticket| ticket.merged_into_id));
    }
    Ok(tx.responses_of(at.0).await?)
}

fn limit_of(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use crate::templates::sample;

    #[test]
    fn only_what_was_told_before_is_quoted() {
        let sample = sample::mail(NotificationTemplate::TicketReply, "en", true);
        let model = sample.response.expect("a reply");
        let one = |id: u128, change: fn(&mut Response)| {
            let mut response = Response { id: Uuid::from_u128(id), ..model.clone() };
            change(&mut response);
            response
        };
        let all = [
            one(1, |first| first.author_type = ActorType::Customer),
            one(2, |_| {}),
            one(3, |note| note.visibility = Visibility::Internal),
            one(4, |gone| gone.deleted_at = Some(Timestamp(1))),
            one(5, |stranger| stranger.flags = vec![UNVERIFIED_SENDER.into()]),
            one(6, |_| {}),
            one(7, |later| later.author_type = ActorType::Customer),
        ];
        let quoted: Vec<_> = before(&all, &all[5]).iter().map(|response| response.id.as_u128()).collect();
        assert_eq!(quoted, [2, 1]);
        assert!(is_theirs(&all[0]) && !is_theirs(&all[1]));
    }
}
