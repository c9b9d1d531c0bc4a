//! A desk that strangers write to, behind a proxy that says who they are; on it a ticket of Jo's, which is none of theirs.

use postdesk::config::Config;
use postdesk::model::{Authority, InboundRecord, Response, Status, Ticket, TicketNumber};
use postdesk::sender::Zone;
use uuid::Uuid;

use crate::support::app::{AGENT, SUPPORT};
use crate::support::client::Client;
use crate::support::{App, Engine};

/// Whose networks may send whose mail: the agents', the customer's, the stranger's, and those of nobody.
pub const DESK_IP: &str = "192.0.2.10";
pub const JOS_IP: &str = "198.51.100.1";
pub const EVES_IP: &str = "203.0.113.66";
pub const LIST_IP: &str = "203.0.113.99";

pub const JO: &str = "jo@example.org";
pub const EVE: &str = "eve@evil.example";

/// The agents' domain and the customer's have policies; the stranger's own mail is proved as well.
pub fn zone() -> Zone {
    let strict = |zone: Zone, domain: &str, ip: &str| {
        zone.text(domain, &format!("v=spf1 ip4:{ip} -all"))
            .text(&format!("_dmarc.{domain}"), "v=DMARC1; p=reject")
    };
    let zone = strict(strict(Zone::default(), "desk.test", DESK_IP), "example.org", JOS_IP);
    strict(zone, "evil.example", EVES_IP).text("newmail.example", &format!("v=spf1 ip4:{EVES_IP} -all"))
}

pub fn behind_a_proxy(config: &mut Config) {
    config.smtp.proxy_networks = vec!["127.0.0.0/8".parse().expect("a network")];
}

/// Hands a mail in as a client at this address would.
pub async fn send(app: &App, ip: &str, from: &str, to: &str, raw: &[u8]) -> InboundRecord {
    app.clock.advance_ms(1_000);
    let mut client = Client::connect_for(app.smtp, ip).await.expect("greeted");
    taken(app, &client.send(from, to, raw).await.expect("answered")).await
}

/// The ledger's row of a mail that was taken with this reply.
pub async fn taken(app: &App, reply: &str) -> InboundRecord {
    let id = reply.rsplit(' ').next().and_then(|id| Uuid::parse_str(id).ok());
    let id = id.unwrap_or_else(|| panic!("{reply}"));
    app.store.read().await.expect("it opens").inbound(id).await.expect("it reads").expect("in the ledger")
}

/// A desk with a ticket of Jo's, which was acknowledged.
pub struct Desk {
    pub app: App,
    pub ticket: Uuid,
    pub number: TicketNumber,
}

impl Desk {
    pub async fn start(engine: Engine, status: Status) -> Self {
        let app = App::start_in(engine, zone(), |config| {
            behind_a_proxy(config);
            // Who attacks is not held up.
            config.smtp.max_mails_per_ip_minute = 0;
            config.smtp.max_mails_per_sender_minute = 0;
        })
        .await;
        let raw = b"From: Jo <jo@example.org>\r\nSubject: My secret\r\nMessage-ID: <jo1@example.org>\r\n\r\nIt is a secret.\r\n";
        let row = send(&app, JOS_IP, JO, SUPPORT, raw).await;
        assert_eq!(row.authentication.dmarc, Authority::Pass);
        let ticket = row.ticket_id.expect("a ticket");
        let mut tx = app.store.begin().await.expect("a turn");
        let found = tx.ticket(ticket).await.expect("it reads").expect("there");
        tx.update_ticket(&Ticket { status, ..found }).await.expect("it writes");
        tx.commit().await.expect("on disk");
        Self { app, ticket, number: row.ticket_number.expect("a number") }
    }

    pub async fn ticket(&self) -> Ticket {
        let mut tx = self.app.store.read().await.expect("it opens");
        tx.ticket(self.ticket).await.expect("it reads").expect("there")
    }

    pub async fn responses(&self) -> Vec<Response> {
        let mut tx = self.app.store.read().await.expect("it opens");
        tx.responses_of(self.ticket).await.expect("it reads")
    }

    /// How many mails of this kind wait to leave.
    pub async fn count(&self, what: &str) -> i64 {
        self.app.database.count(&format!("SELECT count(*) FROM outbox WHERE {what}")).await
    }

    /// How many mails of the ticket wait to leave for anybody but Jo and the agent.
    pub async fn to_others(&self) -> i64 {
        let ticket = format!("ticket_id = (SELECT id FROM tickets WHERE number = '{}')", self.number);
        self.count(&format!("{ticket} AND to_address NOT IN ('{JO}', '{AGENT}')")).await
    }

    /// The Message-ID of the mail that acknowledged the ticket.
    pub async fn our_message_id(&self) -> String {
        let sql = "SELECT message_id FROM outbox WHERE to_address = 'jo@example.org' ORDER BY id";
        self.app.database.texts(sql).await.swap_remove(0)
    }
}
