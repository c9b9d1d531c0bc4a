//! The SMTP and LMTP door, talked to over real sockets.

mod dialogs;
mod door;
mod limits;
mod smuggling;
mod stop;
mod tls;
