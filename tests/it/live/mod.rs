//! What the desk tells those who listen.

mod ear;
mod events;
mod nodes;
mod stream;
