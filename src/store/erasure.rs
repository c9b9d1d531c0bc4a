//! A person forgotten: their words, their mail and their addresses are taken away; rows, numbers and counts stay.

use serde_json::Value;
use uuid::Uuid;

use super::query::containing;
use super::value::{args, json};
use super::{Result, Tx};
use crate::model::{EventType, Timestamp};

impl Tx {
    /// How many tickets a contact ever had.
    pub async fn count_all_tickets_of(&mut self, contact: Uuid) -> Result<i64> {
        let (count,) = self.only(include_str!("sql/erasure/count_tickets.sql"), args![contact]).await?;
        Ok(count)
    }

    /// The contact's next ticket behind this one.
    pub async fn next_ticket_of(&mut self, contact: Uuid, after: Uuid) -> Result<Option<Uuid>> {
        self.field(include_str!("sql/erasure/next_ticket.sql"), args![contact, after]).await
    }

    /// Takes away whose a ticket was, with the mails that came and left for it. Its texts and files are
    /// [`Tx::erase_ticket`]'s.
    pub async fn forget_requester(&mut self, ticket: Uuid, at: Timestamp) -> Result<()> {
        let mails: Vec<Uuid> =
            self.fields(include_str!("sql/erasure/mails_of_ticket.sql"), args![ticket]).await?;
        for mail in mails {
            self.forget_mail(mail).await?;
        }
        let sent: Vec<Uuid> =
            self.fields(include_str!("sql/erasure/sent_of_ticket.sql"), args![ticket]).await?;
        for log in sent {
            self.forget_sent(log, at).await?;
        }
        self.run(include_str!("sql/erasure/authors.sql"), args![ticket]).await?;
        self.run(include_str!("sql/erasure/trail.sql"), args![ticket]).await?;
        self.run(include_str!("sql/erasure/ticket.sql"), args![ticket]).await.map(drop)
    }

    /// Some mails from an address (lower case), with the ticket and the response each became.
    pub async fn mails_from(&mut self, address: &str) -> Result<Vec<(Uuid, Option<Uuid>, Option<Uuid>)>> {
        self.all(include_str!("sql/erasure/mails_from.sql"), args![address]).await
    }

    /// Reports on a ticket that name an address.
    pub async fn reports_naming(&mut self, ticket: Uuid, address: &str) -> Result<Vec<Uuid>> {
        let sql = include_str!("sql/erasure/reports_of_ticket.sql");
        self.fields(sql, args![ticket, containing(address)]).await
    }

    /// Some mails to an address, with the ticket each is about.
    pub async fn sent_to_address(&mut self, address: &str) -> Result<Vec<(Uuid, Option<Uuid>)>> {
        self.all(include_str!("sql/erasure/sent_to.sql"), args![address]).await
    }

    /// How many mails to an address a worker has at this moment.
    pub async fn mails_leaving_to(&mut self, address: &str) -> Result<i64> {
        let (count,) = self.only(include_str!("sql/erasure/leaving_to.sql"), args![address]).await?;
        Ok(count)
    }

    /// Some tickets that an address reads along on.
    pub async fn tickets_copied_to(&mut self, address: &str) -> Result<Vec<Uuid>> {
        let sql = include_str!("sql/erasure/copied.sql");
        self.fields(sql, args![containing(&json(address))]).await
    }

    /// Takes the bytes of a mail away, and everything in its row that a person wrote.
    pub async fn forget_mail(&mut self, mail: Uuid) -> Result<()> {
        let none: &[u8] = &[];
        self.run(include_str!("sql/erasure/chunks.sql"), args![mail]).await?;
        self.run(include_str!("sql/erasure/mail.sql"), args![mail, none]).await.map(drop)
    }

    /// Takes the bytes of a mail we sent away, and whom it went to; one that has not left never will.
    pub async fn forget_sent(&mut self, log: Uuid, at: Timestamp) -> Result<()> {
        self.run(include_str!("sql/erasure/attempts.sql"), args![log]).await?;
        self.run(include_str!("sql/erasure/sent.sql"), args![log, at]).await.map(drop)
    }

    /// Takes away what a response said, who wrote it, and its files.
    pub async fn erase_response(&mut self, response: Uuid) -> Result<()> {
        let sql = include_str!("sql/erasure/files_of_response.sql");
        let blobs: Vec<String> = self.fields(sql, args![response]).await?;
        self.run(include_str!("sql/erasure/delete_files_of_response.sql"), args![response]).await?;
        for sha256 in blobs {
            self.release_blob(&sha256).await?;
        }
        self.run(include_str!("sql/erasure/response.sql"), args![response]).await.map(drop)
    }

    /// Takes away what responses of a ticket quote: nobody can tell whose words they are.
    pub async fn erase_quotes(&mut self, ticket: Uuid) -> Result<()> {
        self.run(include_str!("sql/erasure/quotes.sql"), args![ticket]).await.map(drop)
    }

    /// Takes a contact's name out of the trail of a ticket that is another's, and who read along.
    pub async fn forget_in_trail(&mut self, ticket: Uuid, contact: Uuid) -> Result<()> {
        self.run(include_str!("sql/erasure/trail_of_copied.sql"), args![ticket, contact]).await.map(drop)
    }

    /// Takes away what is known of a contact, their addresses, forms they have not confirmed, answers kept for repeats that
    /// show them, and their name where events are kept. The row stays for the tickets that name it.
    pub async fn forget_contact(&mut self, contact: Uuid, at: Timestamp) -> Result<()> {
        self.news(|news| news.add_contact(EventType::ContactErased, contact));
        self.run(include_str!("sql/erasure/forms.sql"), args![contact]).await?;
        self.forget_in_events(contact).await?;
        self.forget_words(contact).await?;
        self.run(include_str!("sql/contacts/delete_emails.sql"), args![contact]).await?;
        self.run(include_str!("sql/erasure/answers.sql"), args![format!("%{contact}%")]).await?;
        self.run(include_str!("sql/erasure/contact.sql"), args![contact, at]).await.map(drop)
    }

    /// Takes a contact out of the events that are kept for listeners, and out of what webhooks were or will be told.
    async fn forget_in_events(&mut self, contact: Uuid) -> Result<()> {
        let naming = format!("%{contact}%");
        let events: Vec<(i64, String)> =
            self.all(include_str!("sql/erasure/events_naming.sql"), args![&naming]).await?;
        for (seq, body) in events {
            let body = without_person(&body, contact);
            self.run(include_str!("sql/erasure/event.sql"), args![seq, body]).await?;
        }
        let deliveries: Vec<(Uuid, String)> =
            self.all(include_str!("sql/erasure/deliveries_naming.sql"), args![&naming]).await?;
        for (id, body) in deliveries {
            let body = without_person(&body, contact);
            self.run(include_str!("sql/erasure/delivery.sql"), args![id, body]).await?;
        }
        Ok(())
    }
}

/// The body of an event in which a person is no more than an id and a type.
fn without_person(body: &str, id: Uuid) -> String {
    fn blank(value: &mut Value, id: &Value) {
        match value {
            Value::Object(members) if members.get("id") == Some(id) => {
                let told = |(name, _): &(&String, _)| !matches!(name.as_str(), "id" | "type");
                members.iter_mut().filter(told).for_each(|(_, value)| *value = Value::Null);
            }
            Value::Object(members) => members.values_mut().for_each(|value| blank(value, id)),
            Value::Array(values) => values.iter_mut().for_each(|value| blank(value, id)),
            _ => {}
        }
    }
    let mut event = serde_json::from_str(body).unwrap_or_default();
    blank(&mut event, &Value::from(id.to_string()));
    event.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forgotten_person_keeps_an_id_in_events() {
        let (jo, ada) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let body = format!(
            r#"{{"data":{{"actor":{{"id":"{jo}","name":"Jo","type":"customer"}},"by":[{{"id":"{ada}","name":"Ada"}}]}}}}"#
        );
        let after = without_person(&body, jo);
        assert_eq!(after, body.replace("\"Jo\"", "null"));
        assert_eq!(without_person(&body, Uuid::nil()), body);
    }
}
