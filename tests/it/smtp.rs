//! The SMTP and LMTP door, talked to over real sockets.
#![expect(clippy::unwrap_used, reason = "these are tests, and so are their helpers")]

mod dialogs;
mod door;
mod limits;
mod relay;
mod smuggling;
mod stalled;
mod stop;
mod stored;
mod tls;
