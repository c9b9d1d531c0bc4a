//! What mails look like (MAIL.md §2.2).

use serde::{Deserialize, Serialize};

/// One of the two layouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Look {
    /// As a colleague's mail: no card, no heading.
    Plain,
    /// A card with the shop's name, a heading and facts.
    Branded,
}

/// Which mails have which look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Looks {
    /// What a person wrote.
    pub reply: Look,
    /// What the machine says.
    pub machine: Look,
}

impl Default for Looks {
    fn default() -> Self {
        Self { reply: Look::Plain, machine: Look::Branded }
    }
}

/// How much of what was written before stands under a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Quote {
    /// The message it answers.
    Last,
    /// That one, and all before it.
    All,
    /// Nothing.
    None,
}
