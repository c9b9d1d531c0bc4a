//! The door events leave by: each delivery is a signed POST (Standard Webhooks 1.0.0), tried again until somebody takes
//! it. Like mail, a delivery is leased, never locked, while it is on the wire: whoever is killed in between leaves a
//! lease that runs out, and the event goes again under the same id.

mod client;
mod names;
mod places;
mod send;
mod sign;
mod worker;

pub use names::{LookUp, Names};
pub use worker::Worker;
