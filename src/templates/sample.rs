//! Made-up mails that overrides are tried on.

use serde_json::json;
use uuid::Uuid;

use crate::model::*;

/// One of each template, language and kind of recipient.
pub(super) fn mails(locales: &[String]) -> Vec<OutgoingMail> {
    let mut all = Vec::new();
    for locale in locales {
        for template in NotificationTemplate::ALL {
            let neutral = *template == NotificationTemplate::TicketReceivedNeutral;
            if !neutral {
                all.push(mail(*template, locale, true));
            }
            if !template.is_for_verified_only() {
                all.push(mail(*template, locale, false));
            }
        }
    }
    all
}

/// The same mail with everything absent that may be.
pub(super) fn bare(mail: &OutgoingMail) -> OutgoingMail {
    let mut bare = OutgoingMail {
        mailbox: None,
        public_url: None,
        requester_name: None,
        bundled: Vec::new(),
        quoted: None,
        author: None,
        links: OutgoingLinks::default(),
        file_names: Vec::new(),
        ..mail.clone()
    };
    bare.entry.to_name = None;
    for response in bare.response.iter_mut() {
        response.author_name = None;
    }
    for ticket in bare.ticket.iter_mut() {
        (ticket.resolution, ticket.order_id) = (None, None);
    }
    bare
}

/// A mail of this template.
pub(crate) fn mail(template: NotificationTemplate, locale: &str, verified: bool) -> OutgoingMail {
    let by_agent = template.is_from_person()
        || template.is_about_a_note()
        || matches!(
            template,
            NotificationTemplate::TicketWaitingReminder | NotificationTemplate::AgentDeliveryFailed
        );
    let has_ticket = template.audience() != Audience::Admin;
    let response = has_ticket.then(|| Response {
        visibility: if template.is_about_a_note() { Visibility::Internal } else { Visibility::Public },
        ..response(by_agent)
    });
    OutgoingMail {
        entry: entry(template, locale, verified),
        date: Timestamp(1_795_000_000_000),
        mailbox: None,
        brand: "Lamps & More".into(),
        look: template.look(Looks::default()),
        reply_marker: None,
        timezone: "Europe/Berlin".into(),
        public_url: None,
        ticket: has_ticket.then(ticket),
        requester_name: has_ticket.then(|| "Jo Doe".into()),
        response_html: response.as_ref().map(html_of),
        bundled: Vec::new(),
        quoted: by_agent.then(|| self::response(false)),
        history: Vec::new(),
        response,
        author: None,
        links: links(template),
        files: Vec::new(),
        file_names: if by_agent || !has_ticket { Vec::new() } else { vec!["box.jpg".into()] },
        reply_to: has_ticket.then(|| "support+token@shop.example".into()),
        in_reply_to: MessageId::new("c1@example.org"),
        references: MessageId::new("c1@example.org").into_iter().collect(),
    }
}

fn html_of(response: &Response) -> String {
    format!("<p>{}</p>", response.body_text.replace("\n\n", "</p>\n<p>"))
}

fn links(template: NotificationTemplate) -> OutgoingLinks {
    let link = |token: &str| Some(format!("https://desk.shop.example/api/support/confirm/{token}"));
    match template {
        NotificationTemplate::AgentReplyRefused => {
            OutgoingLinks { release: link("r1"), ..Default::default() }
        }
        _ if template.audience() == Audience::Agent => {
            OutgoingLinks { unsubscribe: link("u1"), ..Default::default() }
        }
        _ => OutgoingLinks::default(),
    }
}

/// What the row of such a mail carries.
fn event(template: NotificationTemplate) -> serde_json::Value {
    match template {
        NotificationTemplate::AgentAssigned => json!({ "by": "Bo Chen" }),
        NotificationTemplate::TicketMerged => json!({ "from_number": "TKT-2026-M2R7WX" }),
        NotificationTemplate::RateLimitedNotice => {
            json!({ "open": [{ "number": "TKT-2026-K7Q4ZP", "subject": "Where is my order?" }] })
        }
        NotificationTemplate::AgentDeliveryFailed => json!({
            "address": "jo@example.org", "cause": "no_such_user", "template": "ticket_reply",
            "words": "<jo@example.org>: Recipient address rejected: User unknown",
        }),
        NotificationTemplate::AgentCommandResult => json!({
            "done": [], "refused": [{ "line": "#asign ada", "why": "unknown_command" }],
            "kept_as_note": false, "newer": null, "help": false,
        }),
        NotificationTemplate::AgentReplyRefused => {
            json!({ "inbound_mail_id": Uuid::from_u128(5), "from": "ada@home.example", "subject": "Re: Lamp" })
        }
        NotificationTemplate::AdminQueueStuck => json!({
            "waiting": 214, "oldest_at": 1_794_990_000_000_i64, "words": "connection refused",
        }),
        NotificationTemplate::AdminCheckFailed => {
            json!({ "problems": [{ "what": "DKIM", "detail": "s1._domainkey.shop.example is gone" }] })
        }
        _ => json!({ "from": Status::Open, "to": Status::WaitingCustomer }),
    }
}

fn entry(template: NotificationTemplate, locale: &str, verified: bool) -> OutboxEntry {
    let agent = template.audience() != Audience::Customer;
    OutboxEntry {
        id: Uuid::from_u128(3),
        ticket_id: (template.audience() != Audience::Admin).then(|| Uuid::from_u128(1)),
        response_id: (template.audience() != Audience::Admin).then(|| Uuid::from_u128(2)),
        template: template.as_str().into(),
        template_version: None,
        locale: locale.into(),
        audience: template.audience(),
        automatic: !template.is_from_person(),
        verified,
        from_address: "support@shop.example".into(),
        to_address: if agent { "ada@shop.example" } else { "jo@example.org" }.into(),
        to_name: agent.then(|| "Ada Byron".into()),
        subject: if verified { "Re: Where is my order? [TKT-2026-K7Q4ZP]" } else { "[TKT-2026-K7Q4ZP]" }
            .into(),
        message_id: "m1@shop.example".into(),
        envelope_from: "bounce+token@shop.example".into(),
        context: event(template),
        status: EmailStatus::Sending,
        priority: template.send_priority(),
        attempts: 0,
        next_attempt_at: None,
        released: false,
        lease: None,
        give_up_at: Timestamp(i64::MAX),
        remote: None,
        tls: None,
        smtp_code: None,
        enhanced_code: None,
        smtp_response: None,
        error: None,
        size: None,
        queued_at: Timestamp(0),
        sent_at: None,
        delivered_at: None,
        bounced_at: None,
        created_at: Timestamp(0),
    }
}

fn ticket() -> Ticket {
    let at = Timestamp(1_794_990_000_000);
    Ticket {
        id: Uuid::from_u128(1),
        number: TicketNumber::parse("TKT-2026-K7Q4ZP").expect("a number"),
        subject: "Where is my order?".into(),
        mail_subject: "Where is my order? [TKT-2026-K7Q4ZP]".into(),
        preview: "My parcel is late.".into(),
        status: Status::Open,
        priority: Priority::Medium,
        category: Category::Shipping,
        channel: Channel::Email,
        mailbox_id: None,
        requester_id: Uuid::from_u128(4),
        requester_type: ContactType::Customer,
        requester_email: "jo@example.org".into(),
        assignee_id: None,
        team_id: None,
        user_id: None,
        seller_id: None,
        store_id: None,
        order_id: Some("1001".into()),
        external_id: None,
        external_scope: None,
        locale: None,
        cc: Vec::new(),
        tags: Vec::new(),
        custom_fields: json!({}),
        metadata: json!({}),
        response_count: 2,
        attachment_count: 0,
        resolution: Some("The parcel was found.".into()),
        is_spam: false,
        deleted_at: None,
        merged_into_id: None,
        follow_up_of_id: None,
        related_to_id: None,
        waiting_since: None,
        snoozed_until: None,
        reminded_at: None,
        first_response_at: None,
        last_customer_message_at: None,
        last_agent_message_at: None,
        resolved_at: None,
        closed_at: None,
        created_at: at,
        updated_at: at,
        version: 1,
    }
}

fn response(by_agent: bool) -> Response {
    let (author_type, name, email, text) = if by_agent {
        (
            ActorType::Agent,
            "Ada Byron",
            "ada@shop.example",
            "Your parcel is on its way.\n\nIt arrives on Monday.",
        )
    } else {
        (ActorType::Customer, "Jo Doe", "jo@example.org", "Hello,\n\nmy parcel is late.")
    };
    Response {
        id: Uuid::from_u128(2),
        ticket_id: Uuid::from_u128(1),
        visibility: Visibility::Public,
        channel: Channel::Email,
        author_type,
        author_id: None,
        author_name: Some(name.into()),
        author_email: Some(email.into()),
        body_format: BodyFormat::Text,
        body_text: text.into(),
        body_html: None,
        quoted_text: String::new(),
        full_text: None,
        to_addresses: Vec::new(),
        cc: Vec::new(),
        bcc: Vec::new(),
        message_id: Some("c1@example.org".into()),
        in_reply_to: None,
        refs: Vec::new(),
        placement_by: PlacedBy::New,
        placement_reason: String::new(),
        mail_kind: None,
        flags: Vec::new(),
        inbound_mail_id: None,
        authentication: None,
        template_id: None,
        send_at: None,
        created_at: Timestamp(1_794_990_000_000),
        edited_at: None,
        deleted_at: None,
        version: 1,
    }
}
