//! DKIM signatures on mail that leaves (RFC 6376): an RSA one, an Ed25519 one, or both, for the domain in `From`.

use std::collections::HashSet;

use mail_auth::AuthenticatedMessage;
use mail_auth::common::crypto::SigningKey as _;
use mail_auth::common::headers::{HeaderStream, Writable, Writer};
use mail_auth::dkim::Signature;
use mail_auth::dkim::canonicalize::CanonicalHeaders;

use super::keys::{KeyError, SigningKey};
use super::resolver::ascii_domain;
use crate::config;
use crate::model::Timestamp;

/// Fields that say who wrote what to whom: signed, and signed once more than they are there, so that nobody can add
/// one (RFC 6376 §8.15).
const SEALED: [&str; 12] = [
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "Reply-To",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];

/// Fields that are sealed likewise where they are there. Where they are not, whoever passes a mail on to a list may
/// add its own without breaking the seal. (RFC 8058 §4 and Feedback-ID's readers want theirs signed.)
const SEALED_WHERE_PRESENT: [&str; 7] = [
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
    "Auto-Submitted",
    "X-Auto-Response-Suppress",
    "Feedback-ID",
    "Content-Language",
];

/// The keys that sign. Without any, mail leaves as it is.
#[derive(Default)]
pub struct Signers(Vec<SigningKey>);

impl Signers {
    /// Reads the keys that sign: of each domain the first of each kind, where they are not switched off.
    ///
    /// # Errors
    /// With the position of each key that can't be used, and why.
    pub fn load(settings: &[config::DkimKey]) -> Result<Self, Vec<(usize, KeyError)>> {
        let (mut signers, mut problems, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
        for (position, settings) in settings.iter().enumerate() {
            match SigningKey::load(settings) {
                Ok(key) if settings.sign => {
                    if seen.insert((key.domain().to_owned(), key.kind())) {
                        signers.push(key);
                    }
                }
                Ok(_) => {}
                Err(problem) => problems.push((position, problem)),
            }
        }
        if problems.is_empty() { Ok(Self(signers)) } else { Err(problems) }
    }

    /// Whether mail from this address is signed.
    pub fn sign_for(&self, address: &str) -> bool {
        self.of(address).next().is_some()
    }

    /// The mail with its signatures in front. The same mail, address and time give the same bytes.
    pub fn sign(&self, mime: Vec<u8>, from: &str, at: Timestamp) -> Vec<u8> {
        let mut signed = Vec::new();
        if let Some(message) = AuthenticatedMessage::parse(&mime).filter(|_| self.sign_for(from)) {
            for key in self.of(from) {
                match signature(key, &message, at) {
                    Ok(signature) => signature.write(&mut signed, true),
                    Err(error) => {
                        tracing::error!(selector = key.selector(), %error, "mail leaves without a signature");
                    }
                }
            }
        }
        if signed.is_empty() {
            return mime;
        }
        signed.extend_from_slice(&mime);
        signed
    }

    fn of(&self, address: &str) -> impl Iterator<Item = &SigningKey> {
        let domain = address.rsplit_once('@').and_then(|(_, domain)| ascii_domain(domain));
        self.0.iter().filter(move |key| Some(key.domain()) == domain.as_deref())
    }
}

/// As mail-auth's own signer, but for the time, which that one reads from the machine.
fn signature(
    key: &SigningKey,
    message: &AuthenticatedMessage<'_>,
    at: Timestamp,
) -> mail_auth::Result<Signature> {
    let fields = Fields { fields: message.headers.iter(), body: body(message) };
    let present =
        |name: &&str| message.headers.iter().any(|(have, _)| have.eq_ignore_ascii_case(name.as_bytes()));
    let sealed = || SEALED.into_iter().chain(SEALED_WHERE_PRESENT.into_iter().filter(present));
    let mut signature = Signature {
        v: 1,
        a: key.key.algorithm(),
        d: key.domain().to_owned(),
        s: key.selector().to_owned(),
        t: u64::try_from(at.0 / 1_000).unwrap_or(0),
        h: sealed().map(str::to_owned).collect(),
        ..Signature::default()
    };
    let (_, headers, mut signed, body) = signature.canonicalize(fields);
    // Those that are missing were named once already.
    signed.extend(sealed().filter(present).map(str::to_owned));
    signature.h = signed;
    signature.bh = key.key.hash(body).as_ref().to_vec();
    signature.b = key.key.sign(Unsigned { headers, signature: &signature })?;
    Ok(signature)
}

/// The body without blank lines at its end, which count for nothing (RFC 6376 §3.4.4): mail-auth forgets so of those
/// that have blanks in them.
fn body<'x>(message: &AuthenticatedMessage<'x>) -> &'x [u8] {
    let start = usize::try_from(message.body_offset).unwrap_or(usize::MAX);
    let body = message.raw_message.get(start..).unwrap_or_default();
    let end = body.iter().rposition(|byte| !b" \t\r\n".contains(byte)).map_or(0, |last| last + 1);
    &body[..end]
}

/// A mail's fields, and what follows them.
struct Fields<'m, 'x> {
    fields: std::slice::Iter<'m, (&'x [u8], &'x [u8])>,
    body: &'x [u8],
}

impl<'x> HeaderStream<'x> for Fields<'_, 'x> {
    fn next_header(&mut self) -> Option<(&'x [u8], &'x [u8])> {
        self.fields.next().copied()
    }

    fn body(&mut self) -> &'x [u8] {
        self.body
    }
}

/// What is signed (RFC 6376 §3.7): the fields, then the signature itself without its value.
struct Unsigned<'m> {
    headers: CanonicalHeaders<'m>,
    signature: &'m Signature,
}

impl Writable for Unsigned<'_> {
    fn write(self, writer: &mut impl Writer) {
        self.headers.write(writer);
        self.signature.write(writer, false);
    }
}
