//! Which recipient addresses are ours. A snapshot that RCPT is answered from, without asking the database.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

/// What a recipient address is to us (MAIL.md §1.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// A mailbox, with what stood behind the delimiter.
    Mailbox {
        /// The mailbox.
        id: Uuid,
        /// The part between delimiter and `@`, as written.
        token: Option<String>,
    },
    /// `bounce+token@` one of our domains.
    Bounce {
        /// The part between delimiter and `@`, as written.
        token: String,
    },
    /// `postmaster` or `abuse` (with or without a domain of ours): goes to this mailbox.
    Role {
        /// The mailbox that gets it.
        id: Uuid,
    },
    /// Our domain, nobody there: 550 5.1.1.
    Unknown,
    /// Not our domain: 550 5.7.1, we relay for nobody.
    NotOurs,
}

/// Our mailboxes, for look-ups by address.
#[derive(Debug, Clone, Default)]
pub struct Recipients {
    /// Lower-case address → mailbox.
    mailboxes: HashMap<String, Uuid>,
    /// Lower-case domains.
    domains: HashSet<String>,
    /// Gets `postmaster` and `abuse`.
    first: Option<Uuid>,
    delimiter: char,
}

impl Recipients {
    /// From the active mailboxes, in order; the first gets role addresses.
    pub fn new(mailboxes: &[(Uuid, String)], delimiter: char) -> Self {
        let mut all = Self { first: mailboxes.first().map(|(id, _)| *id), delimiter, ..Self::default() };
        for (id, address) in mailboxes {
            let address = address.to_lowercase();
            if let Some((_, domain)) = address.rsplit_once('@') {
                all.domains.insert(domain.to_owned());
            }
            all.mailboxes.insert(address, *id);
        }
        all
    }

    /// What this address (without brackets) is to us.
    pub fn look_up(&self, address: &str) -> Recipient {
        let lower = address.to_lowercase();
        let (local, domain) = match lower.rsplit_once('@') {
            Some((local, domain)) => (local, domain),
            None => (lower.as_str(), ""),
        };
        let ours = self.domains.contains(domain);
        if let (true, "postmaster" | "abuse", Some(id)) = (ours || domain.is_empty(), local, self.first) {
            return Recipient::Role { id };
        }
        if !ours {
            return Recipient::NotOurs;
        }
        if let Some(id) = self.mailboxes.get(&lower) {
            return Recipient::Mailbox { id: *id, token: None };
        }
        let Some((base, token)) = local.split_once(self.delimiter) else { return Recipient::Unknown };
        if base == "bounce" {
            return Recipient::Bounce { token: token.to_owned() };
        }
        match self.mailboxes.get(&format!("{base}@{domain}")) {
            Some(id) => Recipient::Mailbox { id: *id, token: Some(token.to_owned()) },
            None => Recipient::Unknown,
        }
    }

    /// Whether an address is one of our mailboxes, with or without a token, or a role or bounce address of ours.
    pub fn is_ours(&self, address: &str) -> bool {
        !matches!(self.look_up(address), Recipient::Unknown | Recipient::NotOurs)
    }

    /// Whether there is nowhere for mail to go.
    pub fn is_empty(&self) -> bool {
        self.mailboxes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        let id = Uuid::from_u128(1);
        let all = Recipients::new(&[(id, "Support@Shop.example".into())], '+');
        for (address, want) in [
            ("support@shop.example", Recipient::Mailbox { id, token: None }),
            ("SUPPORT+abc@SHOP.EXAMPLE", Recipient::Mailbox { id, token: Some("abc".into()) }),
            ("bounce+xyz@shop.example", Recipient::Bounce { token: "xyz".into() }),
            ("Postmaster", Recipient::Role { id }),
            ("abuse@shop.example", Recipient::Role { id }),
            ("sales@shop.example", Recipient::Unknown),
            ("postmaster@other.example", Recipient::NotOurs),
            ("support@other.example", Recipient::NotOurs),
            ("support%other.example@shop.example", Recipient::Unknown),
        ] {
            assert_eq!(all.look_up(address), want, "{address}");
        }
    }
}
