//! The life of one made-up ticket: who wrote what and when, what became of it, and the mails that left.

use serde_json::{Map, json};
use uuid::Uuid;

use super::words::{Dice, Gaps, Language, Words};
use crate::clock::Ids;
use crate::desk::filing::{one_line, preview};
use crate::mail::reply_token::KeyRing;
use crate::model::*;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
/// A resolved ticket is closed after so long.
const CLOSES_AFTER: i64 = 7 * DAY;

/// What every story is made of.
pub struct Scene<'a> {
    pub words: &'a Words,
    pub dice: &'a Dice,
    pub ids: &'a Ids,
    pub keys: &'a KeyRing,
    pub mailbox: &'a Mailbox,
    pub agents: &'a [Agent],
    pub now: Timestamp,
    pub responses_per_ticket: u32,
}

/// Somebody who writes.
pub struct Person {
    pub id: Uuid,
    pub name: String,
    pub address: String,
    /// Place of their language.
    pub language: usize,
}

/// All rows of a ticket.
pub struct Story {
    pub ticket: Ticket,
    pub responses: Vec<Response>,
    pub events: Vec<TicketEvent>,
    pub mails: Vec<(OutboxEntry, DeliveryAttempt)>,
    pub ledger: Option<(InboundRecord, Vec<u8>)>,
}

impl Scene<'_> {
    /// A ticket of this person, opened then.
    pub fn tell(&self, person: &Person, number: TicketNumber, at: Timestamp) -> Story {
        let (dice, language) = (self.dice, &self.words.languages[person.language]);
        let agent = dice.pick(self.agents);
        let order = (60 > dice.below(100)).then(|| format!("{}", 100_000 + dice.below(9_900_000)));
        let serial = format!("{:08x}", dice.below(u64::from(u32::MAX)));
        let gaps = Gaps {
            name: &person.name,
            agent: &agent.name,
            order: order.as_deref().unwrap_or("4711"),
            number: &serial,
            product: dice.pick::<String>(&self.words.products),
            city: dice.pick::<String>(&self.words.cities),
        };
        let mut ticket = self.open(person, language, &gaps, number, at);
        ticket.order_id.clone_from(&order);
        let mut story = Story {
            responses: Vec::new(),
            events: vec![self.event(&ticket, "created", &Actor::system(), at)],
            mails: Vec::new(),
            ledger: None,
            ticket,
        };
        self.write_all(&mut story, person, agent, language, &gaps);
        self.end(&mut story, agent);
        story
    }

    fn open(
        &self,
        person: &Person,
        language: &Language,
        gaps: &Gaps<'_>,
        number: TicketNumber,
        at: Timestamp,
    ) -> Ticket {
        let dice = self.dice;
        let category = *dice.pick(Category::ALL);
        let subject = one_line(&gaps.fill(language.subject(category, dice)), 255);
        let channels = [(75, Channel::Email), (15, Channel::Web), (5, Channel::Api), (3, Channel::Phone)];
        let priorities =
            [(70, Priority::Medium), (10, Priority::Low), (16, Priority::High), (4, Priority::Urgent)];
        Ticket {
            id: self.ids.uuid(at),
            mail_subject: format!("{subject} [{number}]"),
            number,
            subject,
            preview: String::new(),
            status: Status::Open,
            priority: dice.weigh(&priorities),
            category,
            channel: dice.weigh(&channels),
            mailbox_id: Some(self.mailbox.id),
            requester_id: person.id,
            requester_type: ContactType::Customer,
            requester_email: person.address.clone(),
            assignee_id: None,
            team_id: None,
            user_id: dice.chance(40).then(|| format!("u_{}", person.id.as_u128() % 1_000_000)),
            seller_id: dice.chance(15).then(|| format!("se_{}", dice.below(500))),
            store_id: dice.chance(70).then(|| format!("st_{}", dice.below(40))),
            order_id: None,
            external_id: None,
            external_scope: None,
            locale: Some(language.locale.clone()),
            cc: Vec::new(),
            tags: self.tags(),
            custom_fields: json!({}),
            metadata: json!({}),
            response_count: 0,
            attachment_count: 0,
            resolution: None,
            is_spam: dice.below(1_000) < 5,
            deleted_at: None,
            merged_into_id: None,
            follow_up_of_id: None,
            related_to_id: None,
            waiting_since: Some(at),
            snoozed_until: None,
            reminded_at: None,
            first_response_at: None,
            last_customer_message_at: None,
            last_agent_message_at: None,
            resolved_at: None,
            reopened_at: None,
            closed_at: None,
            created_at: at,
            updated_at: at,
            version: 1,
        }
    }

    fn tags(&self) -> Vec<String> {
        let mut tags = Vec::new();
        // The later ones in the file are the rarer ones.
        while self.dice.chance(25) && tags.len() < 3 {
            let tag = &self.words.tags[self.dice.place(1 + self.dice.place(self.words.tags.len()))];
            if !tags.contains(tag) {
                tags.push(tag.clone());
            }
        }
        tags
    }

    /// Everything that is said, up to now.
    fn write_all(
        &self,
        story: &mut Story,
        person: &Person,
        agent: &Agent,
        language: &Language,
        gaps: &Gaps<'_>,
    ) {
        let dice = self.dice;
        let most = i64::from(self.responses_per_ticket).max(1) * 2 - 1;
        let customer =
            Actor { r#type: ActorType::Customer, id: Some(person.id), name: Some(person.name.clone()) };
        let answerer = Actor::agent(agent);
        let mut at = story.ticket.created_at;
        for turn in 0..dice.between(1, most) {
            if turn > 0 {
                // From ten minutes up to two days, the shorter ones more often.
                at = at.plus_ms((10 << dice.below(9)) * MINUTE + dice.between(0, 10 * MINUTE));
            }
            if at > self.now {
                break;
            }
            let (texts, author, visibility) = match turn {
                0 => (&language.messages, &customer, Visibility::Public),
                _ if dice.chance(12) => (&language.notes, &answerer, Visibility::Internal),
                turn if turn % 2 == 0 => (&language.follow_ups, &customer, Visibility::Public),
                _ => (&language.answers, &answerer, Visibility::Public),
            };
            let words = gaps.fill(dice.pick::<String>(texts));
            let text = match visibility {
                Visibility::Internal => words,
                Visibility::Public => {
                    let (greeting, closing) = (dice.pick(&language.greetings), dice.pick(&language.closings));
                    let signed = Gaps { name: author.name.as_deref().unwrap_or_default(), ..*gaps };
                    format!("{greeting}\n\n{words}\n\n{}", signed.fill(closing))
                }
            };
            self.write(story, person, author, visibility, text, at);
        }
    }

    fn write(
        &self,
        story: &mut Story,
        person: &Person,
        author: &Actor,
        visibility: Visibility,
        text: String,
        at: Timestamp,
    ) {
        let ticket = &mut story.ticket;
        let by_agent = author.r#type == ActorType::Agent;
        let opens = story.responses.is_empty();
        let mailed = ticket.channel == Channel::Email && !by_agent;
        let id = self.ids.uuid(at);
        let response = Response {
            id,
            ticket_id: ticket.id,
            visibility,
            channel: if by_agent { Channel::Api } else { ticket.channel },
            author_type: author.r#type,
            author_id: author.id,
            author_name: author.name.clone(),
            author_email: (!by_agent).then(|| person.address.clone()),
            body_format: BodyFormat::Text,
            body_text: text,
            body_html: None,
            quoted_text: String::new(),
            full_text: None,
            to_addresses: if mailed { vec![self.mailbox.address.clone()] } else { Vec::new() },
            cc: Vec::new(),
            bcc: Vec::new(),
            message_id: mailed.then(|| format!("{}@mail.example", id.simple())),
            in_reply_to: None,
            refs: Vec::new(),
            placement_by: if mailed && opens { PlacedBy::New } else { PlacedBy::Api },
            placement_reason: "generated".into(),
            mail_kind: mailed.then_some(MailKind::Person),
            flags: Vec::new(),
            inbound_mail_id: None,
            authentication: None,
            template_id: None,
            send_at: None,
            created_at: at,
            edited_at: None,
            deleted_at: None,
            version: 1,
        };
        if opens {
            ticket.preview = preview(&response.body_text);
            story.events[0].response_id = Some(id);
        } else {
            let kind = if visibility == Visibility::Internal { "note_added" } else { "response_added" };
            let mut event = self.event(ticket, kind, author, at);
            event.response_id = Some(id);
            story.events.push(event);
        }
        move_clocks(ticket, author, visibility, at);
        if opens && mailed {
            story.ledger = Some(self.ledger(ticket, &response));
            story.mails.extend(self.mail(ticket, person, NotificationTemplate::TicketReceived, None, at));
        }
        if by_agent && visibility == Visibility::Public {
            story.mails.extend(self.mail(ticket, person, NotificationTemplate::TicketReply, Some(id), at));
        }
        story.responses.push(response);
    }

    /// Old tickets are closed, some newer ones resolved, the others wait for somebody.
    fn end(&self, story: &mut Story, agent: &Agent) {
        let dice = self.dice;
        let Story { ticket, responses, events, .. } = story;
        let answered = ticket.first_response_at.is_some();
        if answered || dice.chance(50) {
            ticket.assignee_id = Some(agent.id);
        }
        let rests = self.now.0 - ticket.updated_at.0;
        let ended = rests > dice.between(DAY, 10 * DAY) && !(dice.below(1_000) < 8 && rests < 200 * DAY);
        if ended {
            let resolved = ticket.updated_at.plus_ms(dice.between(MINUTE, DAY));
            self.turn(ticket, events, Status::Resolved, resolved, &Actor::agent(agent));
            let closed = resolved.plus_ms(CLOSES_AFTER);
            if closed <= self.now {
                self.turn(ticket, events, Status::Closed, closed, &Actor::system());
            }
        } else if responses.last().is_some_and(|last| last.author_type == ActorType::Agent) {
            let statuses =
                [(5, Status::WaitingCustomer), (2, Status::WaitingThirdParty), (3, Status::InProgress)];
            let at = ticket.updated_at;
            self.turn(ticket, events, dice.weigh(&statuses), at, &Actor::agent(agent));
        }
    }

    fn turn(
        &self,
        ticket: &mut Ticket,
        events: &mut Vec<TicketEvent>,
        to: Status,
        at: Timestamp,
        actor: &Actor,
    ) {
        let mut changes = Map::new();
        crate::desk::filing::set_status(ticket, to, at, &mut changes);
        ticket.updated_at = at;
        ticket.version += 1;
        let mut event = self.event(ticket, "status_changed", actor, at);
        event.changes = changes.into();
        events.push(event);
    }

    fn event(&self, ticket: &Ticket, kind: &str, actor: &Actor, at: Timestamp) -> TicketEvent {
        TicketEvent {
            id: self.ids.uuid(at),
            ticket_id: ticket.id,
            at,
            r#type: kind.into(),
            actor_type: actor.r#type,
            actor_id: actor.id,
            actor_name: actor.name.clone(),
            channel: Channel::Api,
            changes: json!({}),
            response_id: None,
            inbound_mail_id: None,
        }
    }

    /// The ledger's row of the mail that opened the ticket; its bytes are kept short.
    fn ledger(&self, ticket: &Ticket, response: &Response) -> (InboundRecord, Vec<u8>) {
        let message_id = response.message_id.clone().unwrap_or_default();
        let raw = format!(
            "From: <{}>\r\nTo: <{}>\r\nMessage-ID: <{message_id}>\r\nSubject: generated\r\n\r\n",
            ticket.requester_email, self.mailbox.address
        );
        let row = InboundRecord {
            id: self.ids.uuid(ticket.created_at),
            received_at: ticket.created_at,
            via: Via::Import,
            remote_ip: None,
            reverse_path: ticket.requester_email.clone(),
            recipients: vec![self.mailbox.address.clone()],
            message_id: Some(message_id),
            dedupe_key: None,
            from_address: ticket.requester_email.clone(),
            from_name: response.author_name.clone(),
            subject: ticket.subject.clone(),
            size: raw.len() as i64,
            sha256: "0".repeat(64),
            kind: MailKind::Person,
            action: InboundAction::Created,
            reason: "new_ticket".into(),
            detail: "Generated".into(),
            ticket_id: Some(ticket.id),
            ticket_number: Some(ticket.number.clone()),
            response_id: Some(response.id),
            duplicate_of: None,
            in_reply_to: None,
            refs: Vec::new(),
            placement_by: Some(PlacedBy::New),
            placement_reason: None,
            flags: Vec::new(),
            authentication: Authentication::UNAUTHENTICATED,
            bounces: Vec::new(),
            defects: Vec::new(),
            released_at: None,
            released_by: None,
        };
        (row, raw.into_bytes())
    }

    /// A mail to the requester, that came to an end long ago.
    fn mail(
        &self,
        ticket: &Ticket,
        person: &Person,
        template: NotificationTemplate,
        response_id: Option<Uuid>,
        at: Timestamp,
    ) -> Option<(OutboxEntry, DeliveryAttempt)> {
        let (id, domain) = (self.ids.uuid(at), self.mailbox.address.rsplit_once('@')?.1);
        let statuses = [
            (64, EmailStatus::Sent),
            (32, EmailStatus::Delivered),
            (2, EmailStatus::Failed),
            (2, EmailStatus::Bounced),
        ];
        let status = self.dice.weigh(&statuses);
        let reply = match status {
            EmailStatus::Failed => "550 5.1.1 no such user",
            _ => "250 2.0.0 accepted",
        };
        let later = |ms| at.plus_ms(ms);
        let entry = OutboxEntry {
            id,
            ticket_id: Some(ticket.id),
            response_id,
            template: template.as_str().into(),
            template_version: None,
            locale: ticket.locale.clone().unwrap_or_default(),
            audience: template.audience(),
            automatic: !template.is_from_person(),
            verified: true,
            from_address: self.mailbox.address.clone(),
            to_address: person.address.clone(),
            to_name: Some(person.name.clone()),
            subject: format!("Re: {}", ticket.mail_subject),
            message_id: self.keys.message_id(&ticket.number, &person.address, id, domain).as_str().into(),
            envelope_from: format!("bounce+{}@{domain}", self.keys.bounce_token(id)),
            context: json!({}),
            status,
            priority: 1,
            attempts: 1,
            next_attempt_at: None,
            released: false,
            lease: None,
            give_up_at: later(2 * DAY),
            remote: Some(self.dice.pick(&self.words.relays).clone()),
            tls: Some("TLSv1.3".into()),
            smtp_code: reply[..3].parse().ok(),
            enhanced_code: Some(reply[4..9].into()),
            smtp_response: Some(reply.into()),
            error: None,
            size: Some(self.dice.between(1_500, 9_000)),
            queued_at: at,
            sent_at: (status != EmailStatus::Failed).then(|| later(800)),
            delivered_at: (status == EmailStatus::Delivered).then(|| later(4_000)),
            bounced_at: (status == EmailStatus::Bounced).then(|| later(9_000)),
            created_at: at,
        };
        let outcome = if status == EmailStatus::Failed { Outcome::Failed } else { Outcome::Delivered };
        let attempt = DeliveryAttempt {
            id: self.ids.uuid(at),
            outbox_id: id,
            at: later(700),
            duration_ms: self.dice.between(20, 900),
            outcome: outcome.as_str().into(),
            remote: entry.remote.clone(),
            tls: entry.tls.clone(),
            smtp_code: entry.smtp_code,
            enhanced_code: entry.enhanced_code.clone(),
            smtp_response: entry.smtp_response.clone(),
            error: None,
        };
        Some((entry, attempt))
    }
}

/// Counters and clocks of the ticket, for one more message.
fn move_clocks(ticket: &mut Ticket, author: &Actor, visibility: Visibility, at: Timestamp) {
    ticket.response_count += 1;
    ticket.updated_at = at;
    ticket.version = ticket.response_count;
    if visibility == Visibility::Internal {
        return;
    }
    if author.r#type == ActorType::Agent {
        ticket.first_response_at.get_or_insert(at);
        ticket.last_agent_message_at = Some(at);
    } else {
        ticket.last_customer_message_at = Some(at);
    }
}
