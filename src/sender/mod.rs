//! Who really sent a mail, the proof that we did, and what the DNS says of either.

mod domain;
mod keys;
mod resolver;
mod signing;
mod zone;

pub use domain::{Finding, Weight, examine};
pub use keys::{KeyError, KeyKind, SigningKey, new_ed25519, new_rsa};
pub use resolver::{LookupError, MailExchanger, Resolver, ascii_domain};
pub use signing::Signers;
pub use zone::Zone;
