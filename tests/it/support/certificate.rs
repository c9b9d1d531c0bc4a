//! Certificates of servers in tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

/// A fresh certificate for these names, signed by itself: what a server needs, and the file to trust it by.
pub fn certificate(dir: &Path, names: &[&str]) -> (Arc<ServerConfig>, PathBuf) {
    let file = dir.join(format!("{}.pem", names[0]));
    let mut params = CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())
        .expect("names of hosts");
    // Certificates of the same issuer's name would be taken for each other, and some system may trust a "localhost".
    params.distinguished_name.push(DnType::CommonName, format!("For tests of {}", names.join(" ")));
    let key = KeyPair::generate().expect("a key");
    let cert = params.self_signed(&key).expect("a certificate");
    std::fs::write(&file, cert.pem()).expect("it writes");
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("it has them")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("they fit");
    (Arc::new(config), file)
}
