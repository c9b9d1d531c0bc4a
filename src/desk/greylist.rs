//! Greylisting: who never brought mail from this network, for this sender to this recipient, is asked to come again later.
//! Mail servers do; most programs that only send spam don't.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sha2::{Digest as _, Sha256};

use super::{Desk, Result};
use crate::model::Timestamp;
use crate::store::GreyEntry;

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// Who comes again later than this is new again.
const FORGOTTEN_MS: i64 = 2 * DAY_MS;
/// For how long who once waited need not wait again, counted from their last mail.
const KNOWN_MS: i64 = 36 * DAY_MS;

impl Desk {
    /// Whether a client must come again later with mail of this sender to this recipient. Addresses that are verified, and
    /// mail without a sender, need not wait; nor does anybody while the store is in trouble.
    pub async fn must_wait(&self, ip: IpAddr, sender: &str, recipient: &str) -> bool {
        let minutes = self.config().smtp.greylist_minutes;
        if minutes == 0 || sender.is_empty() {
            return false;
        }
        let wait = i64::from(minutes) * MINUTE_MS;
        self.judge_grey(ip, sender, recipient, wait).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "nobody is greylisted");
            false
        })
    }

    async fn judge_grey(&self, ip: IpAddr, sender: &str, recipient: &str, wait: i64) -> Result<bool> {
        let sender = sender.to_lowercase();
        let mut tx = self.store().begin().await?;
        if tx.contact_email(&sender).await?.is_some_and(|email| email.verified) {
            return Ok(false);
        }
        let now = self.clock().now();
        let mut hash = Sha256::new();
        for part in [&network(ip).to_string(), &sender, &recipient.to_lowercase()] {
            hash.update(part);
            hash.update([0]);
        }
        let key = hash.finalize();
        let new = GreyEntry { first_at: now, seen_at: now, passed: false };
        let entry = after(tx.grey_entry(&key).await?, now, wait).unwrap_or(new);
        tx.put_grey_entry(&key, entry).await?;
        tx.commit().await?;
        Ok(!entry.passed)
    }

    /// Forgets who need not be known any longer.
    pub(super) async fn prune_greylist(&self) -> Result<()> {
        if self.config().smtp.greylist_minutes == 0 {
            return Ok(());
        }
        let mut tx = self.store().begin().await?;
        tx.prune_greylist(self.clock().now().plus_ms(-KNOWN_MS)).await?;
        Ok(tx.commit().await?)
    }
}

/// What becomes of an entry when they come again; `None`: they are new.
fn after(entry: Option<GreyEntry>, now: Timestamp, wait: i64) -> Option<GreyEntry> {
    let entry = entry?;
    let kept = if entry.passed { KNOWN_MS } else { FORGOTTEN_MS };
    if now.0 - entry.seen_at.0 > kept {
        return None;
    }
    let passed = entry.passed || now.0 - entry.first_at.0 >= wait;
    Some(GreyEntry { seen_at: now, passed, ..entry })
}

/// Big senders bring a mail again from a neighbour: an IPv4 /24 and an IPv6 /64 count as one.
fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() & !0xff).into(),
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
    }
}
