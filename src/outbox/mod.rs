//! Door: mail out. A worker takes what is due, the transport puts it on the wire (or keeps it), the judge says what
//! the answer means, and the desk writes it down.

mod addresses;
mod channel;
mod dial;
mod direct;
mod envelope;
mod hand;
mod judge;
mod kept;
mod line;
mod login;
mod mta_sts;
mod mx;
mod pace;
mod policies;
mod record;
mod refill;
mod relay;
mod relays;
mod render;
mod talk;
mod tls;
mod transport;
mod trouble;
mod watch;
mod worker;

pub use judge::{Ending, Judgement, RemoteReply, Stage, Way, judge};
pub use transport::{Letter, Probe, Sent, Transport, TransportError, World};
pub use watch::{tell_problems, watch_templates};
pub use worker::Worker;
