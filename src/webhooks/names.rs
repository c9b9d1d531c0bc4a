//! Where receivers' names lead to: looked up once for each connection, judged, and connected to at the very addresses
//! that were judged. A second look-up could say something else (DNS rebinding).

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::model::target::is_public;

/// A look-up under way.
pub type LookUp = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Finds the addresses of a name. Cheap to clone.
#[derive(Clone)]
pub struct Names(Arc<dyn Fn(String) -> LookUp + Send + Sync>);

/// Lets through what may be connected to.
pub(super) struct Guard {
    names: Names,
    allow_private: bool,
}

/// A name leads to nothing that webhooks may be sent to.
#[derive(Debug, thiserror::Error)]
#[error("{0} leads to a private address; webhooks go there only with webhooks.allow_private_targets")]
struct Private(String);

impl Names {
    /// As the system does it: `/etc/hosts`, then the DNS.
    pub fn system() -> Self {
        Self::by(|name| {
            Box::pin(async move {
                let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
                Ok(found.map(|address| address.ip()).collect())
            })
        })
    }

    /// By a function.
    pub fn by(look_up: impl Fn(String) -> LookUp + Send + Sync + 'static) -> Self {
        Self(Arc::new(look_up))
    }
}

impl Guard {
    /// Judges by the settings.
    pub(super) fn new(names: Names, allow_private: bool) -> Self {
        Self { names, allow_private }
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let (look_up, allow_private) = (self.names.0(name.as_str().to_owned()), self.allow_private);
        Box::pin(async move {
            let found = look_up.await?;
            let may_go = |ip: &IpAddr| allow_private || is_public(*ip);
            let open: Vec<_> =
                found.iter().copied().filter(may_go).map(|ip| SocketAddr::new(ip, 0)).collect();
            if open.is_empty() && !found.is_empty() {
                return Err(Private(name.as_str().to_owned()).into());
            }
            Ok(Box::new(open.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(ips: &'static [&'static str]) -> Names {
        let ips: Vec<IpAddr> = ips.iter().map(|ip| ip.parse().unwrap()).collect();
        Names::by(move |_| {
            let ips = ips.clone();
            Box::pin(async move { Ok(ips) })
        })
    }

    async fn through(ips: &'static [&'static str], allow_private: bool) -> Result<Vec<String>, String> {
        let guard = Guard::new(names(ips), allow_private);
        let found =
            guard.resolve("hook.example".parse().unwrap()).await.map_err(|error| error.to_string())?;
        Ok(found.map(|address| address.ip().to_string()).collect())
    }

    #[tokio::test]
    async fn only_addresses_of_the_world_come_through() {
        assert_eq!(through(&["1.1.1.1", "2606:4700::1"], false).await.unwrap(), ["1.1.1.1", "2606:4700::1"]);
        assert_eq!(through(&["127.0.0.1", "1.1.1.1", "::1"], false).await.unwrap(), ["1.1.1.1"]);
        for private in [&["127.0.0.1"][..], &["10.0.0.1", "fd00::1"], &["::ffff:169.254.169.254"]] {
            let error = through(private, false).await.unwrap_err();
            assert!(error.starts_with("hook.example leads to a private address"), "{error}");
            assert_eq!(through(private, true).await.unwrap().len(), private.len());
        }
        assert_eq!(through(&[], false).await.unwrap(), [""; 0]);
    }
}
