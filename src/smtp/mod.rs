//! The door mail comes in by: SMTP (RFC 5321) and LMTP (RFC 2033), one session code for both (MAIL.md §1.1).
//!
//! `socket` has the sockets, `listener` accepts and counts, `session` talks, `command` and `path` read what is said,
//! `reader` keeps the buffers, `data` finds a mail's real end, `kept` has its octets until then, `deliver` hands it to
//! the desk, and every code we say stands in `reply`.

mod command;
mod data;
mod deliver;
mod kept;
mod limits;
mod listener;
mod memory;
mod pace;
mod path;
mod proxied;
mod reader;
mod reply;
mod session;
mod socket;
mod stream;
mod tls;

pub use listener::{Error, Listener};
pub use socket::{Addresses, HandedIn};
pub use tls::{Certificate, Error as TlsError};
