//! Postdesk: a support desk that lives in e-mail.

pub mod clock;
pub mod config;
pub mod desk;
pub mod mail;
pub mod model;
pub mod smtp;
pub mod store;
