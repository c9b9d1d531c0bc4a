//! Reports of every form, written for these tests.

mod free_forms;
mod hostile;

use super::*;
use crate::mail::parse::{Attachment, Header};
use crate::model::{Address, ReversePath};

const NULL: &str = "";

fn envelope(reverse_path: &str) -> Envelope {
    Envelope {
        reverse_path: ReversePath::from_text(reverse_path),
        recipients: vec!["help@desk.example".into()],
    }
}

fn mail(from: &str, subject: &str, text: &str) -> ParsedMail {
    ParsedMail {
        headers: vec![Header { name: "From".into(), value: from.into() }],
        from: vec![Address { name: None, email: from.into() }],
        from_fields: 1,
        subject: subject.into(),
        text: text.into(),
        content_type: "text/plain".into(),
        ..ParsedMail::default()
    }
}

fn part(content_type: &str, content: &str) -> Attachment {
    Attachment {
        filename: None,
        content_type: content_type.into(),
        inline: false,
        content_id: None,
        content: content.as_bytes().to_vec(),
    }
}

fn report(parts: &[(&str, &str)]) -> ParsedMail {
    ParsedMail {
        attachments: parts.iter().map(|(kind, content)| part(kind, content)).collect(),
        content_type: "multipart/report".into(),
        ..mail(
            "mailer-daemon@mx.example",
            "Undelivered Mail Returned to Sender",
            "It could not be delivered.",
        )
    }
}

fn summary(report: &DeliveryReport) -> Vec<String> {
    let line =
        |r: &RecipientReport| format!("{} {} {}", r.recipient, r.action, r.status.as_deref().unwrap_or("-"));
    report.recipients.iter().map(line).collect()
}

fn read_parts(parts: &[(&str, &str)]) -> DeliveryReport {
    read(&envelope(NULL), &report(parts)).expect("a report")
}

#[test]
fn status_parts_are_read_as_rfc_3464_has_them() {
    let plain = "Reporting-MTA: dns; mx.example\r\n\r\nFinal-Recipient: rfc822; Jo@Example.org\r\nAction: failed\r\n\
                 Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 <jo@example.org>\r\n  no such user\r\n";
    let read = read_parts(&[
        ("message/delivery-status", plain),
        ("text/rfc822-headers", "Message-ID: <a@b>\r\n\r\n"),
    ]);
    assert_eq!(summary(&read), ["jo@example.org failed 5.1.1"]);
    assert_eq!(
        read.recipients[0].diagnostic.as_deref(),
        Some("smtp; 550 5.1.1 <jo@example.org> no such user")
    );
    let about = read.about("jo@example.org").expect("it failed");
    assert_eq!(about.words.as_deref(), Some("550 5.1.1 <jo@example.org> no such user"));
    assert_eq!(read.reporting_mta.as_deref(), Some("mx.example"));
    assert_eq!(read.original_message_id, MessageId::new("a@b"));
    assert_eq!(read.action(), Action::Failed);
}

#[test]
fn status_parts_in_every_dress() {
    for (what, text, want) in [
        (
            "two recipients, two fates",
            "Reporting-MTA: dns; a\n\nFinal-Recipient: rfc822;a@x.example\nAction: failed\nStatus: 5.2.2\n\n\
             Final-Recipient: rfc822;b@x.example\nAction: delayed\nStatus: 4.4.1\n",
            vec!["a@x.example failed 5.2.2", "b@x.example delayed 4.4.1"],
        ),
        (
            "no blank lines between recipients",
            "Reporting-MTA: dns; a\nFinal-Recipient: rfc822;a@x.example\nAction: failed\nStatus: 5.2.2\n\
             Final-Recipient: rfc822;b@x.example\nAction: failed\nStatus: 5.1.1\n",
            vec!["a@x.example failed 5.2.2", "b@x.example failed 5.1.1"],
        ),
        (
            "forwarded: the address we wrote to comes first",
            "\nOriginal-Recipient: rfc822;a@x.example\nFinal-Recipient: rfc822;b@y.example\nAction: failed\nStatus: 5.2.1\n",
            vec!["a@x.example failed 5.2.1", "b@y.example failed 5.2.1"],
        ),
        (
            "UTF-8 address (RFC 6533)",
            "\nFinal-Recipient: utf-8; j\\x{F6}@x.example\nAction: failed\nStatus: 5.1.1\n",
            vec!["jö@x.example failed 5.1.1"],
        ),
        (
            "no type, brackets, action with a comment",
            "\nFinal-Recipient: <a@x.example>\nAction: Failed (user unknown)\nStatus: 5.1.1 (bad mailbox)\n",
            vec!["a@x.example failed 5.1.1"],
        ),
        (
            "no action: by the class of the status",
            "\nFinal-Recipient: rfc822; a@x.example\nStatus: 4.2.0\n\nFinal-Recipient: rfc822; b@x.example\nStatus: 2.0.0\n",
            vec!["a@x.example delayed 4.2.0", "b@x.example delivered 2.0.0"],
        ),
        (
            "the remote's own code is truer than the MTA's",
            "\nFinal-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.7.1 blocked\n",
            vec!["a@x.example failed 5.7.1"],
        ),
        (
            "a vague status is made precise by words",
            "\nFinal-Recipient: rfc822; a@x.example\nAction: failed\nDiagnostic-Code: smtp; 552 mailbox full\n",
            vec!["a@x.example failed 5.2.2"],
        ),
        (
            "an X.400 address gives way to the original one",
            "\nOriginal-Recipient: rfc822; a@x.example\nFinal-Recipient: x400; /s=a/ou=x/c=gb/\nAction: failed\nStatus: 5.0.0\n",
            vec!["a@x.example failed 5.0.0"],
        ),
    ] {
        assert_eq!(summary(&read_parts(&[("message/delivery-status", text)])), want, "{what}");
    }
}

#[test]
fn a_status_part_that_names_nobody_is_helped_by_the_text() {
    let mut mail = report(&[("message/delivery-status", "garbage")]);
    mail.text =
        "I was unable to deliver your message:\n\n<jo@x.example>: host mx said: 550 No such user\n".into();
    let read = read(&envelope(NULL), &mail).unwrap();
    assert_eq!(summary(&read), ["jo@x.example failed 5.1.1"]);
}

#[test]
fn fields_in_the_text_count_when_a_machine_wrote_them() {
    let text = "Technical report:\n\nReporting-MTA: dsn; mx.example\nAction: failed\n\
                Final-Recipient: rfc822; jo@x.example\nStatus: 5.1.1\n";
    let bounce = mail("mailer-daemon@x.example", "Delivery Status Notification (Failure)", text);
    assert_eq!(summary(&read(&envelope(NULL), &bounce).unwrap()), ["jo@x.example failed 5.1.1"]);
    let person = mail("jo@x.example", "Fwd: what is this?", text);
    assert_eq!(read(&envelope("jo@x.example"), &person), None);
}

#[test]
fn feedback_is_a_complaint() {
    let fields = "Feedback-Type: abuse\r\nVersion: 1\r\nOriginal-Rcpt-To: <Jo@x.example>\r\n";
    let returned = "To: jo@y.example\r\nMessage-ID: <a@b>\r\n\r\nHi";
    let named = read_parts(&[("message/feedback-report", fields), ("message/rfc822", returned)]);
    assert_eq!(summary(&named), ["jo@x.example complaint -"]);
    assert_eq!(named.original_message_id, MessageId::new("a@b"));
    let hidden =
        read_parts(&[("message/feedback-report", "Feedback-Type: abuse\n"), ("message/rfc822", returned)]);
    assert_eq!(summary(&hidden), ["jo@y.example complaint -"]);
    let nobody = read_parts(&[("message/feedback-report", "Feedback-Type: abuse\n")]);
    assert_eq!(nobody.action(), Action::Complaint);
    let withdrawn = "Feedback-Type: not-spam\nOriginal-Mail-From: <bounce+t@desk.example>\n";
    let withdrawn = read_parts(&[("message/feedback-report", withdrawn), ("message/rfc822", returned)]);
    assert!(withdrawn.is_not_spam && withdrawn.recipients.is_empty());
    assert_eq!(withdrawn.original_return_path.as_deref(), Some("bounce+t@desk.example"));
    assert_eq!((withdrawn.action(), withdrawn.about("jo@y.example")), (Action::Delivered, None));
    let failure = report(&[("message/feedback-report", "Feedback-Type: auth-failure\n")]);
    assert!(read(&envelope(NULL), &failure).is_none_or(|report| report.action() != Action::Complaint));
}

#[test]
fn the_mail_given_back_is_known_by_what_is_left_of_it() {
    let status = (
        "message/delivery-status",
        "\nFinal-Recipient: rfc822; jo@x.example\nAction: failed\nStatus: 5.1.1\n",
    );
    let returned =
        ("text/rfc822-headers", "Return-Path: <bounce+t@desk.example>\nMessage-ID: <a@desk.example>\n\n");
    let read_whole = read_parts(&[status, returned]);
    assert_eq!(read_whole.original_message_id, MessageId::new("a@desk.example"));
    assert_eq!(read_whole.original_return_path.as_deref(), Some("bounce+t@desk.example"));

    let mut named = report(&[status]);
    named.text =
        "Your message could not be delivered.\n\n  Message-id: <b@desk.example>\n  Subject: Lamp\n".into();
    let id = |mail: &ParsedMail| read(&envelope(NULL), mail).expect("a report").original_message_id;
    assert_eq!(id(&named), MessageId::new("b@desk.example"));

    let mut answered = report(&[status]);
    assert_eq!(id(&answered), None);
    answered.in_reply_to = vec![MessageId::new("c@desk.example").expect("an id")];
    assert_eq!(id(&answered), MessageId::new("c@desk.example"));
}

#[test]
fn a_vague_code_gives_way_to_words_where_it_matters() {
    for (stated, words, want) in [
        (Some("5.1.1"), "550 5.7.1 blocked", Some("5.1.1")),
        (Some("5.0.0"), "550 No such user", Some("5.1.1")),
        (Some("5.0.0"), "no reason at all", Some("5.0.0")),
        (Some("5.1.0"), "550 5.1.0 <us@desk.example>: sender rejected", Some("5.1.8")),
        (Some("5.1.0"), "550 5.1.0 no such user", Some("5.1.1")),
        (None, "550 Sender address rejected: domain not found", Some("5.1.8")),
        (None, "550 mailbox full", Some("5.2.2")),
        (None, "550 5.7.26 unauthenticated", Some("5.7.26")),
        (None, "452 mailbox full", Some("4.2.2")),
        (None, "no reason at all", None),
    ] {
        assert_eq!(status_of(stated, words).as_deref(), want, "{stated:?} {words}");
    }
}

#[test]
fn disposition_notifications_are_no_failures() {
    let text = "Reporting-UA: phone\nFinal-Recipient: rfc822; jo@x.example\nOriginal-Message-ID: <a@b>\n\
                Disposition: manual-action/MDN-sent-manually; displayed\n";
    let read = read_parts(&[("message/disposition-notification", text)]);
    assert_eq!((read.action(), read.original_message_id), (Action::Delivered, MessageId::new("a@b")));
}

#[test]
fn ses_posts_json() {
    let text = "{\"notificationType\":\"Bounce\",\"bounce\":{\"bounceType\":\"Permanent\",\"bouncedRecipients\":[{\"emailAddress\":\n\
                \"Jo@x.example\",\"action\":\"failed\",\"status\":\"5.1.1\"}]},\"mail\":{\"messageId\":\"a-b\"}}\n\n--\nUnsubscribe: …";
    let bounce = mail("no-reply@sns.amazonaws.com", "AWS Notification Message", text);
    assert_eq!(summary(&read(&envelope("x@y.example"), &bounce).unwrap()), ["jo@x.example failed 5.1.1"]);
    assert_eq!(read(&envelope("x@y.example"), &mail("jo@x.example", "Look", text)), None);
}

#[test]
fn failed_recipients_may_stand_in_a_header_or_the_returned_mail() {
    let mut group = mail(
        "mailer-daemon@groups.example",
        "Delivery Status Notification (Failure)",
        "Hello a@b.example,\n\nno.",
    );
    group.headers.push(Header { name: "X-Failed-Recipients".into(), value: "team@groups.example".into() });
    assert_eq!(read(&envelope(NULL), &group).unwrap().recipients[0].recipient, "team@groups.example");
    let text = "Your mail could not be delivered.\n\n--- Original message follows ---\n\
                Received: from a\nTo: Jo <jo@x.example>\nMessage-ID: <a@b>\n\nHi";
    let bare = read(&envelope(NULL), &mail("mailer-daemon@x.example", "Returned mail", text)).unwrap();
    assert_eq!(
        (bare.recipients[0].recipient.as_str(), bare.original_message_id),
        ("jo@x.example", MessageId::new("a@b"))
    );
}

#[test]
fn people_and_vacation_notes_are_no_bounces() {
    for (reverse_path, from, subject, text) in [
        (
            "jo@x.example",
            "jo@x.example",
            "Fwd: Undelivered Mail Returned to Sender",
            "I got this:\n\n<help@desk.example>: 550 5.1.1 User unknown",
        ),
        (
            "jo@x.example",
            "jo@x.example",
            "Delivery failed",
            "My parcel could not be delivered.\njo@x.example",
        ),
        (NULL, "jo@x.example", "Out of office", "I am away. Please write to al@x.example instead."),
        (NULL, "jo@x.example", "Re: Your order", "This address is no longer in use: jo@x.example"),
    ] {
        assert_eq!(read(&envelope(reverse_path), &mail(from, subject, text)), None, "{text}");
    }
}
