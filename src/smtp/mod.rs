//! The door mail comes in by: SMTP (RFC 5321) and LMTP (RFC 2033), one session code for both (MAIL.md §1.1).
//!
//! `listener` accepts and counts, `session` talks, `command` and `path` read what is said, `reader` keeps the buffers,
//! `data` finds a mail's real end, `deliver` hands it to the desk, and every code we say stands in `reply`.

mod command;
mod data;
mod deliver;
mod limits;
mod listener;
mod memory;
mod pace;
mod path;
mod reader;
mod reply;
mod session;
mod stream;
mod tls;

pub use listener::{Addresses, Error, Listener};
pub use tls::{Certificate, Error as TlsError};
