//! Postdesk: a support desk that lives in e-mail.

pub mod clock;
pub mod mail;
pub mod model;
