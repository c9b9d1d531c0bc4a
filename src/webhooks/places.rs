//! How many deliveries are on the wire, in all and to each host: one that is slow keeps its own places, and no others.

use std::collections::HashMap;

use url::Url;
use uuid::Uuid;

use crate::model::Webhook;

/// Places on the wire, and who has them.
#[derive(Debug)]
pub(super) struct Places {
    all: usize,
    per_host: usize,
    taken: HashMap<String, usize>,
    /// The webhook that was served first last time: the next one is, now.
    first: Option<Uuid>,
}

impl Places {
    /// So many in all, so many to each host.
    pub(super) fn new(all: usize, per_host: usize) -> Self {
        Self { all, per_host, taken: HashMap::new(), first: None }
    }

    /// How many are free.
    pub(super) fn free(&self) -> usize {
        self.all.saturating_sub(self.taken.values().sum())
    }

    /// Shares the free places out among webhooks that something is due to (in the order of their ids): in turns, so that
    /// none has many before each has one.
    pub(super) fn share(&mut self, due: &[Webhook]) -> Vec<(Uuid, usize)> {
        let behind = |first| due.iter().position(|webhook| Some(webhook.id) > first);
        let start = behind(self.first).unwrap_or(0);
        let (before, after) = due.split_at(start);
        let order: Vec<_> = after.iter().chain(before).map(|webhook| (webhook, host(&webhook.url))).collect();
        let mut shares: Vec<_> = order.iter().map(|(webhook, _)| (webhook.id, 0)).collect();
        let (mut free, mut taken) = (self.free(), self.taken.clone());
        let mut given = true;
        while std::mem::take(&mut given) {
            for ((_, host), share) in order.iter().zip(&mut shares) {
                let at_host = taken.entry(host.clone()).or_default();
                if free > 0 && *at_host < self.per_host {
                    (free, *at_host, share.1, given) = (free - 1, *at_host + 1, share.1 + 1, true);
                }
            }
        }
        self.first = order.first().map(|(webhook, _)| webhook.id);
        shares.retain(|(_, share)| *share > 0);
        shares
    }

    /// A delivery is on the wire.
    pub(super) fn take(&mut self, host: &str) {
        *self.taken.entry(host.to_owned()).or_default() += 1;
    }

    /// It has left it.
    pub(super) fn give_back(&mut self, host: &str) {
        let Some(taken) = self.taken.get_mut(host) else { return };
        *taken -= 1;
        if *taken == 0 {
            self.taken.remove(host);
        }
    }
}

/// The host of a URL, with its port: what shares places.
pub(super) fn host(url: &str) -> String {
    let Ok(url) = Url::parse(url) else { return String::new() };
    format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Timestamp, WebhookSecret};

    fn webhook(id: u128, url: &str) -> Webhook {
        Webhook {
            id: Uuid::from_u128(id),
            url: url.into(),
            events: vec!["*".into()],
            description: None,
            filter: None,
            is_active: true,
            failing_since: None,
            secret: WebhookSecret::new("eA=="),
            old_secret: None,
            old_secret_until: None,
            created_at: Timestamp(0),
            updated_at: Timestamp(0),
            version: 1,
        }
    }

    fn shares(places: &mut Places, due: &[Webhook]) -> Vec<(u128, usize)> {
        places.share(due).into_iter().map(|(id, share)| (id.as_u128(), share)).collect()
    }

    #[test]
    fn places_are_shared_in_turns() {
        let due =
            [webhook(1, "https://a.test/1"), webhook(2, "https://a.test/2"), webhook(3, "https://b.test/")];
        let mut places = Places::new(5, 3);
        assert_eq!(shares(&mut places, &due), [(1, 2), (2, 1), (3, 2)]);
        assert_eq!(shares(&mut places, &due), [(2, 2), (3, 2), (1, 1)], "another begins");
        for _ in 0..3 {
            places.take("a.test:443");
        }
        assert_eq!(shares(&mut places, &due), [(3, 2)], "a host that is full holds up itself alone");
        places.give_back("a.test:443");
        assert_eq!((places.free(), shares(&mut places, &due[..1])), (3, vec![(1, 1)]));
        assert!(shares(&mut places, &[]).is_empty());
    }
}
