//! The only readers of time and randomness (`.clippy.toml` forbids the others), so that a test can hold both still.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU16, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use uuid::Uuid;

use crate::model::{TicketNumber, Timestamp};

/// Where the time comes from. Cheap to clone; clones of a fixed clock move together.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands until it is moved.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at this time.
    pub fn fixed(at: Timestamp) -> Self {
        Self::Fixed(Arc::new(AtomicI64::new(at.0)))
    }

    /// Now.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp(
                SystemTime::now()
                    .duration_since(UNIX_EPOCH)
                    .map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)),
            ),
            Self::Fixed(ms) => Timestamp(ms.load(Ordering::SeqCst)),
        }
    }

    /// Moves a fixed clock forward; the machine's clock does not move.
    pub fn advance_ms(&self, ms: i64) {
        if let Self::Fixed(at) = self {
            at.fetch_add(ms, Ordering::SeqCst);
        }
    }
}

/// Where ids and secrets come from. Cheap to clone; clones of a seeded source share one sequence.
#[derive(Debug, Clone)]
pub enum Ids {
    /// The operating system's randomness.
    Random,
    /// A repeatable sequence for tests.
    Seeded(Arc<AtomicU64>),
}

impl Ids {
    /// A repeatable sequence.
    pub fn seeded(seed: u64) -> Self {
        Self::Seeded(Arc::new(AtomicU64::new(seed)))
    }

    /// `N` unpredictable bytes (predictable when seeded).
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's randomness")]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut out = [0; N];
        match self {
            Self::Random => getrandom::fill(&mut out).expect("the operating system gives randomness"),
            Self::Seeded(state) => {
                for chunk in out.chunks_mut(8) {
                    let word =
                        splitmix(state.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::SeqCst)).to_le_bytes();
                    chunk.copy_from_slice(&word[..chunk.len()]);
                }
            }
        }
        out
    }

    /// A UUIDv7 for this time: ids sort by the millisecond they are for, and within it by the order this process made them
    /// in (all but one in 4,096, where the counter begins anew: RFC 9562 §6.2, method 1), so that the lines one act leaves
    /// in the audit trail stay in order.
    pub fn uuid(&self, at: Timestamp) -> Uuid {
        let mut random = self.bytes::<10>();
        if let Self::Random = self {
            // Twelve bits of it are used.
            [random[0], random[1]] = PLACE.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        }
        uuid::Builder::from_unix_timestamp_millis(u64::try_from(at.0).unwrap_or(0), &random).into_uuid()
    }

    /// A ticket number of this time's year, not yet known to be unique.
    pub fn ticket_number(&self, at: Timestamp) -> TicketNumber {
        TicketNumber::from_random(at, u32::from_le_bytes(self.bytes::<4>()))
    }

    /// A number below `bound` (which is not 0), for jitter.
    pub fn below(&self, bound: u64) -> u64 {
        u64::from_le_bytes(self.bytes::<8>()) % bound.max(1)
    }
}

/// Counts ids.
static PLACE: AtomicU16 = AtomicU16::new(0);

/// One step of SplitMix64 (Steele, Lea, Flood 2014): good enough to make test ids differ.
fn splitmix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_millisecond_keep_the_order_they_were_made_in() {
        let now = Timestamp(1_800_000_000_000);
        let ids: Vec<_> = (0..1_000).map(|_| Ids::Random.uuid(now)).collect();
        let turned = ids.windows(2).filter(|two| two[0] > two[1]).count();
        assert!(turned <= 1, "{turned}");
        assert!(Ids::Random.uuid(now.plus_ms(1)) > ids[999]);
        assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), ids.len());
    }
}
