//! Reports that nobody honest writes.

use proptest::prelude::*;

use super::*;

#[test]
fn no_bytes_are_too_strange() {
    for text in
        ["", ":", "<@>:", "\u{feff}<a@b>: \u{0}", &"<a@b.example>: 550\n".repeat(10_000), &"é".repeat(50_000)]
    {
        let mut odd = report(&[("message/delivery-status", text), ("message/feedback-report", text)]);
        odd.text = text.to_owned();
        read(&envelope(NULL), &odd);
        read(&envelope(NULL), &mail("mailer-daemon@x.example", "Undeliverable", text));
    }
}

/// What a report is made of, in pieces.
const PIECES: [&str; 20] = [
    "Final-Recipient: rfc822; jo@x.example",
    "Original-Recipient: utf-8; j\\x{F6}@x.example",
    "Action: failed",
    "Action: delayed",
    "Status: 5.1.1",
    "Diagnostic-Code: smtp; 550 5.2.2 full",
    "Reporting-MTA: dns; mx",
    "Feedback-Type: not-spam",
    "Message-ID: <a@b>",
    "<jo@x.example>:",
    "could not be delivered to",
    "--- Below this line is a copy of the message.",
    "\r\n",
    "\n\n",
    " ",
    "\0",
    "@",
    "\\x{110000}",
    "无法投递：",
    "{\"notificationType\":\"Bounce\"",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Every heap of pieces gives a value, with addresses and codes that can be stored and shown.
    #[test]
    fn any_heap_of_pieces_is_read(order in prop::collection::vec((0..PIECES.len(), ".{0,8}"), 0..60)) {
        let text: String = order.iter().map(|(piece, noise)| format!("{}{noise}\n", PIECES[*piece])).collect();
        let kinds = ["message/delivery-status", "message/global-delivery-status", "message/feedback-report", "message/rfc822"];
        for kind in kinds {
            let mut odd = report(&[(kind, &text)]);
            odd.text.clone_from(&text);
            for line in read(&envelope(NULL), &odd).into_iter().flat_map(|report| report.recipients) {
                prop_assert!(!line.recipient.contains(char::is_control), "{:?}", line.recipient);
                prop_assert!(line.status.is_none_or(|code| code.len() <= 11 && code.split('.').count() == 3));
            }
        }
    }
}

/// What is read of a report is bounded: megabytes of lures take no time to speak of, where a rule that looks at them
/// again and again would take hours.
#[test]
fn megabytes_of_lures_take_no_time() {
    for piece in [
        "<a@b.example>: 550\n",
        "message-id: <",
        "could not be ",
        "a.b@c.d.",
        "Final-Recipient: rfc822; a@b.c\n",
    ] {
        let text = piece.repeat(3_000_000 / piece.len());
        let odd = mail("mailer-daemon@x.example", "Undeliverable", &text);
        read(&envelope(NULL), &odd);
    }
}
