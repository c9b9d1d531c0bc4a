//! The API as a client sees it: requests against the router, on a desk with real mails in it.

mod bulk;
pub mod call;
mod changes;
mod confusion;
mod contract;
mod errors;
mod health;
mod limits;
mod lists;
mod mail;
mod metrics;
mod notes;
mod people;
mod reading;
mod safe_writes;
mod stats;
mod templates;
mod writing;

use postdesk::desk::{Desk, Verdict};
use postdesk::model::{Authentication, Envelope, InboundMail, ReversePath, Via};

/// Hands a mail in by the SMTP door's call.
pub async fn mail_in(desk: &Desk, from: &str, raw: &str) -> Verdict {
    mail_to(desk, from, crate::support::app::SUPPORT, raw).await
}

/// The same, to this address.
pub async fn mail_to(desk: &Desk, from: &str, to: &str, raw: &str) -> Verdict {
    let raw = raw.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes();
    let mail = InboundMail {
        via: Via::Smtp,
        remote_ip: None,
        envelope: Envelope { reverse_path: ReversePath::from_text(from), recipients: vec![to.into()] },
        received_header: "Received: from a test\r\n".into(),
        raw,
        received_at: desk.clock().now(),
        authentication: Authentication::TRUSTED,
    };
    desk.receive(mail).await
}

/// A plain mail with a file.
pub const PARCEL: &str = "From: Jo Doe <jo@example.org>\nTo: support@desk.test\nSubject: Where is my parcel?\n\
Message-ID: <c1@example.org>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n\
--b\nContent-Type: text/plain; charset=utf-8\n\nHello, the blue parcel is late.\n\
--b\nContent-Type: text/plain; name=\"note.txt\"\nContent-Disposition: attachment; filename=\"note.txt\"\n\n\
0123456789\n--b--\n";
