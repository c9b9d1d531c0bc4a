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

/// Command lines, and the same octets as data: whole and in pieces, which must come to the same.
#[cfg(any(test, fuzzing))]
pub fn fuzz(data: &[u8]) {
    use std::sync::Arc;

    for line in data.split_inclusive(|octet| *octet == b'\n') {
        let _ = command::parse(line);
    }
    let budget = Arc::new(memory::Budget::new(1 << 20, 1 << 20, 1 << 20, std::env::temp_dir()));
    let read = |piece: usize| {
        let limits =
            data::BodyLimits { max_size: 4_096, max_line: 512, bare_lf: crate::config::BareLf::Reject };
        let mut body = data::Body::new(limits, memory::Lease::new(budget.clone()));
        let mut read = 0;
        for piece in data.chunks(piece) {
            let (used, ended) = body.feed_data(piece);
            read += used;
            if ended {
                return (read, true, body.finish().err());
            }
        }
        (read, false, body.fault())
    };
    let whole = read(data.len().max(1));
    assert_eq!(read(1), whole);
    assert_eq!(read(7), whole);
}
