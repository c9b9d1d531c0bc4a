//! RFC 5322 bytes to and from the model. Pure: bytes in, values out; no clock, no socket, no SQL.
//! Parsing never fails: it gives a value and a list of defects.

pub mod command;
pub mod compose;
pub mod dsn;
pub mod html;
pub mod kind;
pub mod language;
pub mod parse;
mod pattern;
pub mod placement;
pub mod quote;
pub mod reply_token;
