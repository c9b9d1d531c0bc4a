//! Door: mail out. A worker takes what is due, the transport puts it on the wire (or keeps it), the judge says what
//! the answer means, and the desk writes it down.

mod judge;
mod relay;
mod render;
mod tls;
mod transport;
mod wire;
mod worker;

pub use judge::{Ending, Judgement, RemoteReply, Stage, judge};
pub use relay::Relay;
pub use transport::{Letter, Transport, TransportError};
pub use worker::Worker;
