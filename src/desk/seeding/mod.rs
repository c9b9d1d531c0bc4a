//! Demo data: loaded from a file, once, in one transaction, as if it had come in over the last weeks. No mail leaves.

mod email;
mod file;
mod generate;

use std::collections::HashMap;

use uuid::Uuid;

pub use generate::{Generate, Generated, Progress};

use file::{Seed, SeedAgent, SeedCustomer, SeedResponse, SeedTemplate, SeedTicket};

use super::{Desk, Error, NewResponse, NewTicket, Result};
use crate::model::*;
use crate::store::Tx;

const DEMO: &str = include_str!("../../../seeds/demo.toml");
const MINUTE_MS: i64 = 60_000;
/// Tickets taken away in one transaction.
const CLEANED_AT_ONCE: i64 = 2_000;

/// What a load added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Seeded {
    pub templates: u32,
    pub customers: u32,
    pub agents: u32,
    pub tickets: u32,
    pub responses: u32,
    pub email_logs: u32,
}

/// People of the file, by their key.
#[derive(Default)]
struct People {
    customers: HashMap<String, (Contact, String)>,
    agents: HashMap<String, (Actor, String)>,
}

impl Desk {
    /// Loads the demo data; `None` when it was loaded before.
    ///
    /// # Errors
    /// [`Error::NotFound`] without a mailbox; the store's.
    pub async fn load_seed(&self) -> Result<Option<Seeded>> {
        let seed: Seed = toml::from_str(DEMO).expect("our own file");
        let mailbox = self.directory().mailboxes.first().cloned().ok_or(Error::NotFound("mailbox"))?;
        let now = self.clock().now();
        let mut tx = self.store().begin().await?;
        tx.tell_nobody();
        if !tx.note_seed_row("load", Uuid::nil()).await? {
            return Ok(None);
        }
        let mut done = Seeded::default();
        for template in &seed.templates {
            done.templates += u32::from(self.seed_template(&mut tx, template, now).await?);
        }
        let people = self.seed_people(&mut tx, &seed, &mut done).await?;
        for ticket in &seed.tickets {
            let filed = self.seed_ticket(&mut tx, &seed.store, &mailbox, &people, ticket).await?;
            let responses = tx.responses_of(filed.id).await?;
            for email in &ticket.emails {
                let about = email.response.and_then(|place| responses.get(place)).map(|response| response.id);
                let entry = self.seed_entry(&mailbox, &people, &filed, email, about);
                self.seed_email(&mut tx, entry, email).await?;
            }
            done.tickets += 1;
            done.responses += size(&ticket.responses);
            done.email_logs += size(&ticket.emails);
        }
        tx.note_rewritten().await?;
        tx.commit().await?;
        self.reload_directory().await?;
        Ok(Some(done))
    }

    /// Takes the demo data away, with what was said on its tickets since, and nothing else: mails that came in stay in the
    /// ledger, and a ticket that another one was merged into stays whole. Answers how many things are gone.
    ///
    /// # Errors
    /// The store's. What was taken away before it stays away.
    pub async fn clean_seed(&self) -> Result<u64> {
        let mut gone = 0;
        let mut tx = self.store().begin().await?;
        tx.keep_merged_seed_tickets().await?;
        tx.commit().await?;
        loop {
            let mut tx = self.store().begin().await?;
            let tickets = tx.clean_seed_tickets(CLEANED_AT_ONCE).await?;
            tx.note_rewritten().await?;
            tx.commit().await?;
            gone += tickets;
            if tickets == 0 {
                break;
            }
        }
        let mut tx = self.store().begin().await?;
        gone += tx.clean_seed_rows().await?;
        tx.note_rewritten().await?;
        tx.commit().await?;
        self.reload_directory().await?;
        Ok(gone)
    }

    async fn seed_template(&self, tx: &mut Tx, from: &SeedTemplate, now: Timestamp) -> Result<bool> {
        let template = TemplateRecord {
            key: from.key.clone(),
            name: from.name.clone(),
            category: Some(from.category.clone()),
            locale: "en".into(),
            body: from.body.clone(),
            created_at: now,
            updated_at: now,
            ..TemplateRecord::blank(self.ids().uuid(now), TemplateType::Reply)
        };
        let added = tx.insert_template(&template).await?;
        if added {
            tx.insert_template_version(&template.as_version(&Actor::system())).await?;
            tx.note_seed_row("template", template.id).await?;
        }
        Ok(added)
    }

    async fn seed_people(&self, tx: &mut Tx, seed: &Seed, done: &mut Seeded) -> Result<People> {
        let mut people = People::default();
        for from in &seed.customers {
            let contact = match tx.contact_by_address(&from.email).await? {
                Some(contact) => contact,
                None => {
                    done.customers += 1;
                    self.seed_customer(tx, from).await?
                }
            };
            people.customers.insert(from.key.clone(), (contact, from.email.clone()));
        }
        for from in &seed.agents {
            let (actor, added) = self.seed_agent(tx, from).await?;
            done.agents += u32::from(added);
            people.agents.insert(from.key.clone(), (actor, from.email.clone()));
        }
        Ok(people)
    }

    async fn seed_customer(&self, tx: &mut Tx, from: &SeedCustomer) -> Result<Contact> {
        let now = self.clock().now();
        let contact = Contact {
            id: self.ids().uuid(now),
            r#type: ContactType::Customer,
            name: Some(from.name.clone()),
            phone: None,
            locale: Some(from.locale.clone()),
            timezone: None,
            user_id: Some(from.user_id.clone()),
            seller_id: None,
            store_id: None,
            notes: None,
            custom_fields: serde_json::json!({}),
            created_at: now,
            updated_at: now,
            version: 1,
        };
        let (address, contact_id) = (from.email.clone(), contact.id);
        let email = ContactEmail { address, contact_id, verified: true, is_primary: true };
        tx.insert_contact(&contact, Some(&email)).await?;
        tx.note_seed_row("contact", contact.id).await?;
        Ok(contact)
    }

    /// The agent, made unless somebody has the address already.
    async fn seed_agent(&self, tx: &mut Tx, from: &SeedAgent) -> Result<(Actor, bool)> {
        let now = self.clock().now();
        let agent = Agent {
            id: self.ids().uuid(now),
            name: from.name.clone(),
            email: from.email.clone(),
            role: from.role.clone(),
            signature: Some(from.signature.clone()),
            locale: Some("en".into()),
            timezone: None,
            notifications: Default::default(),
            is_active: true,
            created_at: now,
            updated_at: now,
            version: 1,
        };
        if tx.insert_agent(&agent).await? {
            tx.note_seed_row("agent", agent.id).await?;
            return Ok((Actor::agent(&agent), true));
        }
        let known = tx.active_agents().await?.into_iter().find(|known| known.email == from.email);
        let nobody = Actor { r#type: ActorType::Agent, id: None, name: Some(from.name.clone()) };
        Ok((known.as_ref().map_or(nobody, Actor::agent), false))
    }

    async fn seed_ticket(
        &self,
        tx: &mut Tx,
        store: &str,
        mailbox: &Mailbox,
        people: &People,
        from: &SeedTicket,
    ) -> Result<Ticket> {
        let opened = self.clock().now().plus_ms(-from.minutes_ago * MINUTE_MS);
        let (requester, address) = people.customers[&from.requester].clone();
        let status = if from.responses.len() == 1 { from.status } else { Status::Open };
        let new = NewTicket {
            subject: from.subject.clone(),
            status,
            priority: from.priority,
            category: from.category,
            channel: from.channel,
            mailbox_id: Some(mailbox.id),
            requester_type: requester.r#type,
            requester_email: address,
            assignee_id: from.assignee.as_ref().and_then(|key| people.agents[key].0.id),
            team_id: None,
            user_id: requester.user_id.clone(),
            seller_id: None,
            store_id: Some(store.to_owned()),
            order_id: from.order_id.clone(),
            external_id: None,
            external_scope: None,
            locale: requester.locale.clone(),
            cc: Vec::new(),
            tags: from.tags.clone(),
            custom_fields: serde_json::json!({}),
            metadata: serde_json::json!({}),
            follow_up_of_id: None,
            related_to_id: None,
            created_at: opened,
            requester,
        };
        let (first, later) = from.responses.split_first().expect("each has one");
        let first = self.seed_response(people, from, first, opened);
        let author = first.author.clone();
        let mut ticket = self.open_ticket(tx, new, first, &author).await?.ticket;
        for response in later {
            let new = self.seed_response(people, from, response, opened);
            let author = new.author.clone();
            ticket = self.append_response(tx, ticket, new, from.status, &author).await?.ticket;
        }
        ticket.resolution = from.resolution.clone();
        let said = [ticket.last_customer_message_at, ticket.last_agent_message_at];
        ticket.updated_at = said.into_iter().flatten().max().unwrap_or(opened);
        tx.update_ticket(&ticket).await?;
        tx.note_seed_row("ticket", ticket.id).await?;
        Ok(ticket)
    }

    fn seed_response(
        &self,
        people: &People,
        ticket: &SeedTicket,
        from: &SeedResponse,
        opened: Timestamp,
    ) -> NewResponse {
        let at = opened.plus_ms(from.minutes_later * MINUTE_MS);
        let (author, address) = people.author(&from.author);
        NewResponse {
            id: self.ids().uuid(at),
            visibility: if from.internal { Visibility::Internal } else { Visibility::Public },
            channel: ticket.channel,
            author,
            author_email: Some(address),
            body_format: BodyFormat::Text,
            body_text: from.body.clone(),
            body_html: None,
            quoted_text: String::new(),
            full_text: None,
            to_addresses: Vec::new(),
            cc: Vec::new(),
            bcc: Vec::new(),
            message_id: None,
            in_reply_to: None,
            refs: Vec::new(),
            placement: Placement { by: PlacedBy::Api, reason: "demo data".into() },
            mail_kind: None,
            flags: Vec::new(),
            inbound_mail_id: None,
            authentication: None,
            template_id: None,
            send_at: None,
            attachments: Vec::new(),
            created_at: at,
        }
    }
}

impl People {
    fn author(&self, key: &str) -> (Actor, String) {
        match self.customers.get(key) {
            Some((contact, address)) => {
                let (id, name) = (Some(contact.id), contact.name.clone());
                (Actor { r#type: ActorType::Customer, id, name }, address.clone())
            }
            None => self.agents[key].clone(),
        }
    }
}

fn size<T>(list: &[T]) -> u32 {
    u32::try_from(list.len()).unwrap_or(u32::MAX)
}
