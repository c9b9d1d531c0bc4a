//! Who really sent a mail, and the proof that we did.

mod keys;
mod signing;

pub use keys::{KeyError, KeyKind, SigningKey, new_ed25519, new_rsa};
pub use signing::Signers;
