//! Rows that made-up mails are about.

use serde_json::Value;
use uuid::Uuid;

use crate::model::*;

pub(super) fn entry(
    template: NotificationTemplate,
    locale: &str,
    verified: bool,
    context: Value,
) -> OutboxEntry {
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
        subject: subject(template, verified).into(),
        message_id: "m1@shop.example".into(),
        envelope_from: "bounce+token@shop.example".into(),
        context,
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

fn subject(template: NotificationTemplate, verified: bool) -> &'static str {
    match template.audience() {
        Audience::Admin => "",
        _ if verified => "Re: Where is my order? [TKT-2026-K7Q4ZP]",
        _ => "[TKT-2026-K7Q4ZP]",
    }
}

pub(super) fn ticket() -> Ticket {
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
        custom_fields: Value::Object(serde_json::Map::new()),
        metadata: Value::Object(serde_json::Map::new()),
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
        reopened_at: None,
        closed_at: None,
        created_at: at,
        updated_at: at,
        version: 1,
    }
}

/// What an agent and a customer write, in the languages there are texts in.
fn words(locale: &str, by_agent: bool) -> &'static str {
    match (locale.split('-').next().unwrap_or_default(), by_agent) {
        ("de", true) => "Ihr Paket ist unterwegs.\n\nEs kommt am Montag an.",
        ("de", false) => "Guten Tag,\n\nmein Paket kommt zu spät.",
        ("fr", true) => "Votre colis est en route.\n\nIl arrive lundi.",
        ("fr", false) => "Bonjour,\n\nmon colis est en retard.",
        ("es", true) => "Su paquete está en camino.\n\nLlega el lunes.",
        ("es", false) => "Hola:\n\nmi paquete se retrasa.",
        ("ar", true) => "طردكم في الطريق إليكم.\n\nسيصل يوم الاثنين.",
        ("ar", false) => "مرحبًا،\n\nتأخر وصول طردي.",
        (_, true) => "Your parcel is on its way.\n\nIt arrives on Monday.",
        (_, false) => "Hello,\n\nmy parcel is late.",
    }
}

pub(super) fn response(by_agent: bool, locale: &str) -> Response {
    let (author_type, name, email) = if by_agent {
        (ActorType::Agent, "Ada Byron", "ada@shop.example")
    } else {
        (ActorType::Customer, "Jo Doe", "jo@example.org")
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
        body_text: words(locale, by_agent).into(),
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

pub(super) fn agent() -> Agent {
    Agent {
        id: Uuid::from_u128(7),
        name: "Ada Byron".into(),
        email: "ada@shop.example".into(),
        role: "agent".into(),
        signature: Some("Ada Byron\nhttps://shop.example".into()),
        locale: None,
        timezone: Some("Europe/Berlin".into()),
        notifications: Default::default(),
        is_active: true,
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
        version: 1,
    }
}
