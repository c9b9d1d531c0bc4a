//! Who really sent a mail, the proof that we did, and what the DNS says of either.

mod answers;
mod blocklist;
mod checker;
mod domain;
mod keys;
mod resolver;
mod results;
mod signing;
pub mod spf;
mod tags;
mod zone;

pub use checker::{Checked, Checker, Client};
pub use domain::{Finding, Weight, examine};
pub use keys::{KeyError, KeyKind, SigningKey, new_ed25519, new_rsa};
pub use resolver::{LookupError, MailExchanger, Resolver, ascii_domain};
pub use signing::Signers;
pub use zone::Zone;
