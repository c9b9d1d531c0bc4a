//! The HTTP client: made at the first delivery, as a desk without webhooks needs none.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, redirect, retry};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls_platform_verifier::Verifier;

use super::names::{Guard, Names};
use crate::config;

/// A connection that nobody uses is closed after this.
const IDLE: Duration = Duration::from_secs(20);

/// A client that goes where webhooks may go: by no proxy, along no redirect, to addresses that were judged.
///
/// # Errors
/// In words, when there are no certificates to trust.
pub(super) fn client(settings: &config::Webhooks, names: Names) -> Result<Client, String> {
    let guard = Guard::new(names, settings.allow_private_targets);
    let client = Client::builder()
        .tls_backend_preconfigured(tls(settings.ca_file.as_deref())?)
        .dns_resolver(Arc::new(guard))
        .no_proxy()
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .referer(false)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(settings.per_host)
        .build();
    client.map_err(|error| error.to_string())
}

/// Trusts the system's certificates, and those of a file.
fn tls(ca_file: Option<&Path>) -> Result<ClientConfig, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let more = match ca_file {
        Some(file) => certificates(file).map_err(|error| format!("{}: {error}", file.display()))?,
        None => Vec::new(),
    };
    let verifier = Verifier::new_with_extra_roots(more, provider.clone()).map_err(|e| e.to_string())?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth())
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())?;
    let all = read.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    if all.is_empty() { Err("there is no certificate in it; expected PEM".into()) } else { Ok(all) }
}
