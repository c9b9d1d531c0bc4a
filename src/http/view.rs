//! What the API shows of what the desk keeps: the objects of API.md §3, field by field.

pub mod job;
pub mod team;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::problem::BASE;
use crate::desk::{QueueState, ResponseView, TicketView, TicketWith};
use crate::model::*;

/// API.md §3.1, with the description where it was read: lists leave it out.
pub fn ticket(view: &TicketView) -> Value {
    let t = &view.ticket;
    let mut shown = json!({
        "id": t.id, "number": t.number, "subject": t.subject, "mail_subject": t.mail_subject, "preview": t.preview,
        "status": t.status, "priority": t.priority, "category": t.category, "channel": t.channel,
        "requester": {
            "id": t.requester_id, "name": view.requester.name, "email": filled(&t.requester_email),
            "phone": view.requester.phone, "type": t.requester_type,
            "locale": t.locale.as_ref().or(view.requester.locale.as_ref()), "verified": view.verified,
        },
        "assignee": view.assignee.as_ref().map(|agent| json!({"id": agent.id, "name": agent.name})),
        "team": view.team.as_ref().map(|team| json!({"id": team.id, "name": team.name})), "user_id": t.user_id, "seller_id": t.seller_id, "store_id": t.store_id,
        "order_id": t.order_id, "external_id": t.external_id, "cc": t.cc, "tags": t.tags,
        "custom_fields": t.custom_fields, "metadata": t.metadata,
        "response_count": t.response_count, "attachment_count": t.attachment_count, "unread": false,
        "resolution": t.resolution, "is_spam": t.is_spam, "deleted_at": time(t.deleted_at),
    });
    let members = shown.as_object_mut().expect("an object was just made");
    if let Some(description) = &view.description {
        members.insert("description".into(), json!(description));
    }
    members.extend(ticket_clocks(t));
    shown
}

fn ticket_clocks(t: &Ticket) -> Map<String, Value> {
    let clocks = json!({
        "merged_into_id": t.merged_into_id, "follow_up_of_id": t.follow_up_of_id, "related_to_id": t.related_to_id,
        "waiting_since": time(t.waiting_since), "snoozed_until": time(t.snoozed_until), "sla": null,
        "first_response_at": time(t.first_response_at),
        "last_customer_message_at": time(t.last_customer_message_at),
        "last_agent_message_at": time(t.last_agent_message_at),
        "resolved_at": time(t.resolved_at), "closed_at": time(t.closed_at),
        "created_at": t.created_at.rfc3339(), "updated_at": t.updated_at.rfc3339(), "version": t.version,
        "links": {"self": format!("{BASE}/tickets/{}", t.id), "console": null, "portal": null},
    });
    match clocks {
        Value::Object(clocks) => clocks,
        _ => Map::new(),
    }
}

/// API.md §4.3: the ticket with what was included.
pub fn ticket_with(with: &TicketWith) -> Value {
    let mut shown = ticket(&with.view);
    let members = shown.as_object_mut().expect("an object was just made");
    if let Some(all) = &with.responses {
        members.insert("responses".into(), all.iter().map(response).collect());
    }
    if let Some(all) = &with.email_logs {
        members.insert("email_logs".into(), all.iter().map(email_log).collect());
    }
    if let Some(all) = &with.attachments {
        members.insert("attachments".into(), all.iter().map(attachment).collect());
    }
    if let Some(all) = &with.events {
        members.insert("events".into(), all.iter().map(event).collect());
    }
    if let Some(all) = &with.related {
        members.insert("related".into(), all.iter().map(ticket).collect());
    }
    shown
}

/// API.md §3.2.
pub fn response(view: &ResponseView) -> Value {
    let r = &view.response;
    let placement = json!({"by": r.placement_by, "reason": r.placement_reason});
    json!({
        "id": r.id, "ticket_id": r.ticket_id, "visibility": r.visibility, "channel": r.channel,
        "author": {"type": r.author_type, "id": r.author_id, "name": r.author_name, "email": r.author_email},
        "body_text": r.body_text, "body_html": r.body_html, "quoted_text": r.quoted_text,
        "full_text": r.full_text.as_ref().unwrap_or(&r.body_text),
        "attachments": view.attachments.iter().map(attachment).collect::<Value>(),
        "to": r.to_addresses, "cc": r.cc, "bcc": r.bcc,
        "message_id": bracketed(r.message_id.as_deref()), "in_reply_to": bracketed(r.in_reply_to.as_deref()),
        "references": all_bracketed(&r.refs),
        "placement": placement, "mail_kind": r.mail_kind, "flags": r.flags, "inbound_mail_id": r.inbound_mail_id,
        "authentication": r.authentication,
        "delivery": {"status": worst(view.logs.iter().map(|(_, status)| *status)),
                     "email_log_ids": view.logs.iter().map(|(id, _)| *id).collect::<Vec<Uuid>>()},
        "template_id": r.template_id, "send_at": time(r.send_at), "created_at": r.created_at.rfc3339(),
        "edited_at": time(r.edited_at), "version": r.version,
    })
}

/// The status of a response's mails that matters most; `None` without mails.
fn worst(statuses: impl Iterator<Item = EmailStatus>) -> Option<EmailStatus> {
    use EmailStatus::*;
    const ORDER: [EmailStatus; 10] =
        [Failed, Bounced, Suppressed, Deferred, Queued, Sending, Cancelled, Captured, Sent, Delivered];
    statuses.min_by_key(|status| ORDER.iter().position(|known| known == status))
}

/// A file, as in API.md §3.2.
pub fn attachment(a: &AttachmentRecord) -> Value {
    json!({
        "id": a.id, "filename": a.filename, "content_type": a.content_type, "size": a.size, "sha256": a.sha256,
        "inline": a.is_inline, "content_id": a.content_id, "scan": a.scan,
        "url": format!("{BASE}/attachments/{}", a.id),
    })
}

/// API.md §3.3.
pub fn email_log(e: &OutboxEntry) -> Value {
    json!({
        "id": e.id, "ticket_id": e.ticket_id, "response_id": e.response_id, "template": e.template,
        "template_version": e.template_version, "locale": e.locale, "from": e.from_address, "to": e.to_address,
        "subject": e.subject, "message_id": bracketed(Some(&e.message_id)), "status": e.status,
        "attempts": e.attempts, "next_attempt_at": time(e.next_attempt_at), "give_up_at": e.give_up_at.rfc3339(),
        "remote": e.remote, "tls": e.tls, "smtp_code": e.smtp_code, "enhanced_code": e.enhanced_code,
        "smtp_response": e.smtp_response, "error": e.error, "size": e.size, "queued_at": e.queued_at.rfc3339(),
        "sent_at": time(e.sent_at), "delivered_at": time(e.delivered_at), "bounced_at": time(e.bounced_at),
        "created_at": e.created_at.rfc3339(),
    })
}

/// API.md §3.6.
pub fn suppression(s: &Suppression) -> Value {
    json!({
        "id": s.id, "address": s.address, "reason": s.reason, "email_log_id": s.outbox_id, "note": s.note,
        "expires_at": time(s.expires_at), "created_at": s.created_at.rfc3339(),
        "updated_at": s.updated_at.rfc3339(), "version": s.version,
    })
}

/// API.md §3.6.
pub fn queue(state: &QueueState) -> Value {
    json!({
        "paused": state.paused.is_some(), "queued": state.queued, "sending": state.sending,
        "deferred": state.deferred, "oldest_queued_at": time(state.oldest_queued_at),
        "next_attempt_at": time(state.next_attempt_at),
    })
}

/// An email log with its tries (API.md §5.4).
pub fn email_log_with(entry: &OutboxEntry, attempts: &[DeliveryAttempt]) -> Value {
    let attempts = attempts.iter().map(|a| {
        json!({
            "at": a.at.rfc3339(), "duration_ms": a.duration_ms, "outcome": a.outcome, "remote": a.remote,
            "tls": a.tls, "smtp_code": a.smtp_code, "enhanced_code": a.enhanced_code,
            "smtp_response": a.smtp_response, "error": a.error,
        })
    });
    let mut shown = email_log(entry);
    let attempts: Value = attempts.collect();
    shown.as_object_mut().expect("an object was just made").insert("delivery_attempts".into(), attempts);
    shown
}

/// API.md §3.4.
pub fn inbound(m: &InboundRecord) -> Value {
    let placement = m.placement_by.map(|by| json!({"by": by, "reason": m.placement_reason}));
    json!({
        "id": m.id, "received_at": m.received_at.rfc3339(), "via": m.via, "remote_ip": m.remote_ip,
        "envelope": {"reverse_path": m.reverse_path, "recipients": m.recipients},
        "message_id": bracketed(m.message_id.as_deref()), "from": m.from_address, "from_name": m.from_name,
        "subject": m.subject, "size": m.size, "sha256": m.sha256, "kind": m.kind, "action": m.action,
        "reason": m.reason, "detail": m.detail, "ticket_id": m.ticket_id, "ticket_number": m.ticket_number,
        "response_id": m.response_id, "duplicate_of": m.duplicate_of,
        "in_reply_to": bracketed(m.in_reply_to.as_deref()), "references": all_bracketed(&m.refs),
        "placement": placement, "flags": m.flags, "authentication": m.authentication, "bounces": m.bounces,
        "released_at": time(m.released_at), "released_by": m.released_by,
    })
}

/// API.md §3.6.
pub fn event(e: &TicketEvent) -> Value {
    json!({
        "id": e.id, "ticket_id": e.ticket_id, "at": e.at.rfc3339(), "type": e.r#type,
        "actor": {"type": e.actor_type, "id": e.actor_id, "name": e.actor_name}, "channel": e.channel,
        "changes": e.changes, "response_id": e.response_id, "inbound_mail_id": e.inbound_mail_id,
        "created_at": e.at.rfc3339(),
    })
}

/// API.md §3.6.
pub fn agent(a: &Agent, further: &[String]) -> Value {
    json!({
        "id": a.id, "name": a.name, "email": a.email, "alternate_emails": further, "role": a.role, "team_ids": [],
        "signature": a.signature, "locale": a.locale, "timezone": a.timezone, "notifications": a.notifications,
        "out_of_office": null, "is_active": a.is_active, "created_at": a.created_at.rfc3339(),
        "updated_at": a.updated_at.rfc3339(), "version": a.version,
    })
}

/// API.md §3.5. What came with the program was never made.
pub fn template(t: &TemplateRecord) -> Value {
    let stored = |at: Timestamp| (!t.is_builtin()).then(|| at.rfc3339());
    json!({
        "id": t.id, "type": t.r#type, "key": t.key, "name": t.name, "category": t.category, "locale": t.locale,
        "subject": t.subject, "body": t.body, "body_format": t.body_format, "body_html": t.body_html,
        "variables": t.variables(), "is_active": t.is_active, "visibility": t.visibility, "team_id": t.team_id,
        "is_builtin": t.is_builtin(), "usage_count": t.usage_count, "last_used_at": time(t.last_used_at),
        "created_at": stored(t.created_at), "updated_at": stored(t.updated_at), "version": t.version,
    })
}

/// A save of a template, and whose it was.
pub fn template_version(v: &TemplateVersion) -> Value {
    json!({
        "version": v.version, "name": v.name, "category": v.category, "locale": v.locale, "subject": v.subject,
        "body": v.body, "body_format": v.body_format, "body_html": v.body_html, "is_active": v.is_active,
        "author": {"id": v.author_id, "name": v.author_name}, "created_at": v.created_at.rfc3339(),
    })
}

/// What a write mailed (API.md §1.8). In a dry run nothing was: ids and statuses are null.
pub fn emails(entries: &[OutboxEntry], dry: bool) -> Value {
    let shown = entries.iter().map(|e| {
        json!({"id": (!dry).then_some(e.id), "template": e.template, "to": e.to_address,
               "status": (!dry).then_some(e.status)})
    });
    shown.collect()
}

/// What a colliding answer did not see (API.md §1.5).
pub fn newer(responses: &[Response]) -> Value {
    let shown = responses.iter().map(|r| {
        let preview: String =
            r.body_text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(140).collect();
        json!({
            "id": r.id, "author": {"type": r.author_type, "id": r.author_id, "name": r.author_name},
            "created_at": r.created_at.rfc3339(), "preview": preview,
        })
    });
    shown.collect()
}

fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(Timestamp::rfc3339)
}

fn filled(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

fn bracketed(id: Option<&str>) -> Option<String> {
    id.map(|id| format!("<{id}>"))
}

fn all_bracketed(ids: &[String]) -> Vec<String> {
    ids.iter().map(|id| format!("<{id}>")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_mail_speaks_for_a_response() {
        use EmailStatus::*;
        for (statuses, want) in [
            (vec![], None),
            (vec![Sent, Delivered], Some(Sent)),
            (vec![Sent, Bounced, Queued], Some(Bounced)),
            (vec![Captured, Queued], Some(Queued)),
        ] {
            assert_eq!(worst(statuses.iter().copied()), want, "{statuses:?}");
        }
    }
}
