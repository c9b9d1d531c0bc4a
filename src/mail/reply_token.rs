//! Signed tokens: the `+token` of reply addresses, the `bounce+token` of return paths, our Message-IDs, and the links
//! in mails. All are keyed by a ring of secrets: the first signs, every one verifies.
//!
//! Mail systems fold the case of local parts, so every token is written in lower-case Crockford base 32 and read in
//! any case. Each kind has a label of its own under the MAC: none passes for another.

mod signed;

use std::fmt;
use std::sync::LazyLock;

use data_encoding::{Encoding, Specification};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::model::{MessageId, TicketNumber};

/// What is signed, told apart under the MAC. The digit is the version of the layout.
const REPLY_LABEL: &[u8] = b"postdesk reply 1";
const NOTE_LABEL: &[u8] = b"postdesk note 1";
const LINK_LABEL: &[u8] = b"postdesk link 1";
const RECIPIENT_LABEL: &[u8] = b"postdesk recipient 1";
const BOUNCE_LABEL: &[u8] = b"postdesk bounce 1";
const KEY_ID_LABEL: &[u8] = b"postdesk key id 1";

/// Characters of the parts, in order: key id, year, ticket tail, recipient tag, MAC (80 bits).
const YEAR_LEN: usize = 3;
const TAIL_LEN: usize = 6;
const TAG_LEN: usize = 6;
const MAC_LEN: usize = 16;
const MAC_BYTES: usize = MAC_LEN * 5 / 8;
const REPLY_LEN: usize = 1 + YEAR_LEN + TAIL_LEN + TAG_LEN + MAC_LEN;
/// Characters of a UUID: 128 bits in fives.
const UUID_LEN: usize = 26;
const BOUNCE_LEN: usize = 1 + UUID_LEN + MAC_LEN;
const LINK_LEN: usize = 1 + 1 + UUID_LEN + MAC_LEN;

const ALPHABET: &str = "0123456789abcdefghjkmnpqrstvwxyz";
static BASE32: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str(ALPHABET);
    spec.translate.from.push_str("ABCDEFGHJKMNPQRSTVWXYZ");
    spec.translate.to.push_str("abcdefghjkmnpqrstvwxyz");
    spec.encoding().expect("the alphabet has 32 distinct ASCII characters")
});

/// The secrets, newest first. Dropping one from the ring makes what it signed forged.
#[derive(Clone)]
pub struct KeyRing {
    keys: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    /// One character, made from the secret: a ring may be reordered without making tokens unreadable.
    id: char,
    mac: Hmac<Sha256>,
}

/// A ring needs at least one secret, and none of them empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key ring needs at least one secret, and no empty one")]
pub struct NoSecret;

/// What the `+token` of a recipient address turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenReading {
    /// Made by us with a key of the ring.
    Valid(ReplyToken),
    /// The shape of a token, but no key of the ring made it.
    Forged,
    /// Something else, e.g. a person's own `+tag`.
    NotAToken,
}

/// A reply token whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyToken {
    /// The ticket it leads to.
    pub ticket: TicketNumber,
    /// Id of the key that signed it, one base-32 character.
    pub key_id: char,
    /// It was sent with an internal note: what answers it stays internal.
    pub internal: bool,
    /// Keyed hash of the address it was sent to, in base 32.
    recipient_tag: String,
}

/// What a link in a mail does. Opening it does nothing yet: acting takes a click on its page, or RFC 8058's POST.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkKind {
    /// Lets a mail out of quarantine; names the ledger's row.
    Release,
    /// Says "yes, that is my address"; names the outbox entry that asked.
    Confirm,
    /// Stops notifications; names the outbox entry it stood in.
    Unsubscribe,
    /// Says "yes, I sent that form"; names the form.
    Pending,
}

impl LinkKind {
    const ALL: [Self; 4] = [Self::Release, Self::Confirm, Self::Unsubscribe, Self::Pending];

    /// One character of the alphabet, under the MAC.
    fn letter(self) -> &'static str {
        match self {
            Self::Release => "r",
            Self::Confirm => "c",
            Self::Unsubscribe => "n",
            Self::Pending => "p",
        }
    }
}

/// One of our own Message-IDs whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OurMessageId {
    /// The token it carries.
    pub token: ReplyToken,
    /// The outbox entry it was sent as; `None` for the thread's constant id. Not under the signature: look it up
    /// and compare the ticket.
    pub entry: Option<Uuid>,
}

impl KeyRing {
    /// From secrets of any length; the first signs, all verify.
    pub fn new<S: AsRef<str>>(secrets: &[S]) -> Result<Self, NoSecret> {
        let secrets: Vec<&str> = secrets.iter().map(AsRef::as_ref).collect();
        if secrets.is_empty() || secrets.contains(&"") {
            return Err(NoSecret);
        }
        Ok(Self { keys: secrets.into_iter().map(Key::new).collect() })
    }

    /// The token of a ticket for one recipient: 32 characters, the same each time.
    pub fn reply_token(&self, ticket: &TicketNumber, recipient: &str) -> String {
        self.ticket_token(REPLY_LABEL, ticket, recipient)
    }

    /// The same for a mail that tells of an internal note: what answers it is internal ([`ReplyToken::internal`]).
    pub fn note_token(&self, ticket: &TicketNumber, recipient: &str) -> String {
        self.ticket_token(NOTE_LABEL, ticket, recipient)
    }

    fn ticket_token(&self, label: &[u8], ticket: &TicketNumber, recipient: &str) -> String {
        let key = self.signer();
        let ticket = packed_ticket(ticket);
        let tag = key.recipient_tag(recipient);
        let mac = key.sign(label, &[&ticket, &tag]);
        format!("{}{ticket}{tag}{mac}", key.id)
    }

    /// Reads what stands behind the `+` of a recipient address.
    pub fn read_reply(&self, token: &str) -> TokenReading {
        if token.len() != REPLY_LEN || !is_base32(token) {
            return TokenReading::NotAToken;
        }
        let token = token.to_ascii_lowercase();
        let (payload, mac) = token.split_at(REPLY_LEN - MAC_LEN);
        let (key_id, payload) = payload.split_at(1);
        let (packed, tag) = payload.split_at(YEAR_LEN + TAIL_LEN);
        let signed_as = |label| self.keys_named(key_id).any(|key| key.verifies(label, &[packed, tag], mac));
        let internal = signed_as(NOTE_LABEL);
        match unpacked_ticket(packed) {
            Some(ticket) if internal || signed_as(REPLY_LABEL) => TokenReading::Valid(ReplyToken {
                ticket,
                key_id: key_id.chars().next().unwrap_or_default(),
                internal,
                recipient_tag: tag.to_owned(),
            }),
            _ => TokenReading::Forged,
        }
    }

    /// The token of a link in a mail: 44 characters, fit for a path of a web address.
    pub fn link_token(&self, kind: LinkKind, id: Uuid) -> String {
        let key = self.signer();
        let id = BASE32.encode(id.as_bytes());
        let mac = key.sign(LINK_LABEL, &[kind.letter(), &id]);
        format!("{}{}{id}{mac}", key.id, kind.letter())
    }

    /// What a link does, and to which row; `None` when it is none of ours.
    pub fn read_link(&self, token: &str) -> Option<(LinkKind, Uuid)> {
        if token.len() != LINK_LEN || !is_base32(token) {
            return None;
        }
        let token = token.to_ascii_lowercase();
        let (key_id, rest) = token.split_at(1);
        let (letter, rest) = rest.split_at(1);
        let (id, mac) = rest.split_at(UUID_LEN);
        let signed = self.keys_named(key_id).any(|key| key.verifies(LINK_LABEL, &[letter, id], mac));
        let kind = LinkKind::ALL.into_iter().find(|kind| kind.letter() == letter);
        kind.zip(unpacked_uuid(id)).filter(|_| signed)
    }

    /// The token of an outbox entry's return path: 43 characters, so that `bounce+…` fits into 64 octets.
    pub fn bounce_token(&self, entry: Uuid) -> String {
        let key = self.signer();
        let entry = BASE32.encode(entry.as_bytes());
        let mac = key.sign(BOUNCE_LABEL, &[&entry]);
        format!("{}{entry}{mac}", key.id)
    }

    /// The outbox entry that a `bounce+token` names; `None` when it is none of ours.
    pub fn read_bounce(&self, token: &str) -> Option<Uuid> {
        if token.len() != BOUNCE_LEN || !is_base32(token) {
            return None;
        }
        let token = token.to_ascii_lowercase();
        let (key_id, payload) = token.split_at(1);
        let (entry, mac) = payload.split_at(UUID_LEN);
        let signed = self.keys_named(key_id).any(|key| key.verifies(BOUNCE_LABEL, &[entry], mac));
        signed.then(|| unpacked_uuid(entry)).flatten()
    }

    /// The Message-ID of an outbox entry: `{reply token}.{entry}@{domain}`. The id alone places an answer.
    pub fn message_id(&self, ticket: &TicketNumber, recipient: &str, entry: Uuid, domain: &str) -> MessageId {
        let token = self.reply_token(ticket, recipient);
        our_id(&format!("{token}.{}@{domain}", BASE32.encode(entry.as_bytes())))
    }

    /// The same for a mail that tells of an internal note.
    pub fn note_message_id(
        &self,
        ticket: &TicketNumber,
        recipient: &str,
        entry: Uuid,
        domain: &str,
    ) -> MessageId {
        let token = self.note_token(ticket, recipient);
        our_id(&format!("{token}.{}@{domain}", BASE32.encode(entry.as_bytes())))
    }

    /// The Message-ID of an outbox entry that is about no ticket: `{bounce token}@{domain}`.
    pub fn bare_message_id(&self, entry: Uuid, domain: &str) -> MessageId {
        our_id(&format!("{}@{domain}", self.bounce_token(entry)))
    }

    /// Whether we made this Message-ID, at whatever domain.
    pub fn is_ours(&self, id: &MessageId) -> bool {
        let local = id.as_str().rsplit_once('@').map_or("", |(local, _)| local);
        self.read_message_id(id).is_some() || self.read_bounce(local).is_some()
    }

    /// The constant id that rides last in References, for relays that rewrite Message-ID: `{reply token}@{domain}`.
    pub fn thread_id(&self, ticket: &TicketNumber, recipient: &str, domain: &str) -> MessageId {
        our_id(&format!("{}@{domain}", self.reply_token(ticket, recipient)))
    }

    /// The same for mails that tell of internal notes.
    pub fn note_thread_id(&self, ticket: &TicketNumber, recipient: &str, domain: &str) -> MessageId {
        our_id(&format!("{}@{domain}", self.note_token(ticket, recipient)))
    }

    /// Reads a Message-ID of ours, at whatever domain; `None` when its signature doesn't hold.
    pub fn read_message_id(&self, id: &MessageId) -> Option<OurMessageId> {
        let (local, _domain) = id.as_str().rsplit_once('@')?;
        let (token, entry) = match local.split_once('.') {
            Some((token, entry)) => (token, Some(unpacked_uuid(entry)?)),
            None => (local, None),
        };
        match self.read_reply(token) {
            TokenReading::Valid(token) => Some(OurMessageId { token, entry }),
            TokenReading::Forged | TokenReading::NotAToken => None,
        }
    }

    fn signer(&self) -> &Key {
        self.keys.first().expect("a ring is never empty")
    }

    /// Usually one; two secrets may share an id, as there are only 32.
    fn keys_named(&self, id: &str) -> impl Iterator<Item = &Key> {
        self.keys.iter().filter(move |key| id.starts_with(key.id))
    }
}

impl fmt::Debug for KeyRing {
    /// The ids only: secrets never reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.keys.iter().map(|key| key.id)).finish()
    }
}

impl ReplyToken {
    /// Whether the token was sent to this very address (any case).
    pub fn was_sent_to(&self, ring: &KeyRing, address: &str) -> bool {
        ring.keys
            .iter()
            .filter(|key| key.id == self.key_id)
            .any(|key| key.recipient_tag(address) == self.recipient_tag)
    }
}

impl Key {
    fn new(secret: &str) -> Self {
        let hash = Sha256::new().chain_update(KEY_ID_LABEL).chain_update(secret).finalize();
        let id = char::from(ALPHABET.as_bytes()[usize::from(hash[0] & 31)]);
        let mac = Hmac::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
        Self { id, mac }
    }

    /// Every part but the last has a fixed length, so no two lists of parts read alike.
    fn over(&self, label: &[u8], parts: &[&str]) -> Hmac<Sha256> {
        let mac = self.mac.clone().chain_update(label).chain_update([0]);
        parts.iter().fold(mac, |mac, part| mac.chain_update(part))
    }

    fn sign(&self, label: &[u8], parts: &[&str]) -> String {
        BASE32.encode(&self.over(label, parts).finalize().into_bytes()[..MAC_BYTES])
    }

    /// Compares in constant time.
    fn verifies(&self, label: &[u8], parts: &[&str], mac: &str) -> bool {
        let Ok(mac) = BASE32.decode(mac.as_bytes()) else { return false };
        self.over(label, parts).verify_truncated_left(&mac).is_ok()
    }

    fn recipient_tag(&self, address: &str) -> String {
        let mut tag = self.sign(RECIPIENT_LABEL, &[&address.trim().to_lowercase()]);
        tag.truncate(TAG_LEN);
        tag
    }
}

fn our_id(text: &str) -> MessageId {
    MessageId::new(text).expect("a token is never empty")
}

fn is_base32(text: &str) -> bool {
    text.bytes().all(|b| ALPHABET.as_bytes().contains(&b.to_ascii_lowercase()))
}

/// `TKT-YYYY-XXXXXX` as nine characters: the year as a number in base 32, then the tail as it stands.
fn packed_ticket(ticket: &TicketNumber) -> String {
    let (year, tail) = ticket.as_str().trim_start_matches("TKT-").split_once('-').unwrap_or_default();
    let year: usize = year.parse().unwrap_or_default();
    let digits = [year >> 10, year >> 5, year].map(|digit| char::from(ALPHABET.as_bytes()[digit & 31]));
    digits.into_iter().collect::<String>() + &tail.to_ascii_lowercase()
}

fn unpacked_ticket(packed: &str) -> Option<TicketNumber> {
    let (year, tail) = packed.split_at(YEAR_LEN);
    let year =
        year.bytes().try_fold(0, |year, b| Some(year * 32 + ALPHABET.bytes().position(|a| a == b)?))?;
    TicketNumber::parse(&format!("TKT-{year:04}-{tail}"))
}

fn unpacked_uuid(text: &str) -> Option<Uuid> {
    Uuid::from_slice(&BASE32.decode(text.as_bytes()).ok()?).ok()
}

#[cfg(test)]
mod tests;
