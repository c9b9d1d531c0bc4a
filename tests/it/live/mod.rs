//! What the desk tells those who listen.

mod events;
