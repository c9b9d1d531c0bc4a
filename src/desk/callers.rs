//! How often callers call: counted for all nodes that share the desk.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::{Desk, Result};
use crate::model::Timestamp;
use crate::model::quota::{Counted, Quota, micros};

/// Over so many callers, those whose buckets are full are forgotten.
const MANY: usize = 10_000;

/// The callers of this process, where it is the only one: by key, when each bucket is full again.
#[derive(Debug, Default)]
pub(super) struct Callers(Mutex<HashMap<String, i64>>);

impl Desk {
    /// Counts a call. A key always comes with the same quota.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn count_call(&self, key: String, quota: Quota) -> Result<Counted> {
        let now = self.clock().now();
        match self.store().count_call(&key, quota, now).await? {
            Some(counted) => Ok(counted),
            None => Ok(self.inner.callers.count(key, quota, now)),
        }
    }

    /// Forgets callers who were quiet for long.
    pub(super) async fn forget_callers(&self) -> Result<()> {
        self.inner.callers.forget(self.clock().now());
        Ok(self.store().forget_callers(self.clock().now()).await?)
    }
}

impl Callers {
    fn count(&self, key: String, quota: Quota, now: Timestamp) -> Counted {
        let mut buckets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() > MANY {
            forget(&mut buckets, now);
        }
        let full_at = buckets.entry(key).or_default();
        let (after, counted) = quota.count(*full_at, now);
        *full_at = after;
        counted
    }

    fn forget(&self, now: Timestamp) {
        forget(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), now);
    }
}

fn forget(buckets: &mut HashMap<String, i64>, now: Timestamp) {
    buckets.retain(|_, full_at| *full_at > micros(now));
    buckets.shrink_to_fit();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_who_were_quiet_are_forgotten() {
        let callers = Callers::default();
        let now = Timestamp(1_000_000);
        for key in ["a", "b"] {
            assert!(callers.count(key.into(), Quota::a_minute(60), now).passed);
        }
        callers.count("b".into(), Quota::a_minute(60), now);
        callers.forget(now.plus_ms(1_500));
        let known: Vec<_> = callers.0.lock().expect("no panic").keys().cloned().collect();
        assert_eq!(known, ["b"]);
    }
}
