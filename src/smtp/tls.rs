//! The certificate, read from its files at start and again on reload.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::stream::Stream;
use crate::config;

/// Longest handshake; a shorter `smtp.command_timeout_seconds` holds here too.
const HANDSHAKE: Duration = Duration::from_secs(30);

/// Why a certificate can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file can't be read, or is not PEM, or has not got what it should.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// The files are there but don't fit each other.
    #[error("{certificate} and {key}: {source}")]
    Pair {
        /// Certificate chain.
        certificate: PathBuf,
        /// Private key.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// The certificate in use. Sessions that began TLS with an older one keep theirs.
#[derive(Debug)]
pub struct Certificate {
    files: config::Tls,
    current: RwLock<Arc<ServerConfig>>,
}

impl Certificate {
    /// Reads the files.
    pub fn load(files: &config::Tls) -> Result<Self, Error> {
        Ok(Self { files: files.clone(), current: RwLock::new(read(files)?) })
    }

    /// Reads the files again; on an error the certificate in use stays.
    pub fn reload(&self) -> Result<(), Error> {
        let fresh = read(&self.files)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// The connection in TLS; `None` when the handshake fails or takes too long.
    pub async fn secure(&self, stream: TcpStream, smtp: &config::Smtp) -> Option<Stream> {
        let acceptor: TlsAcceptor =
            self.current.read().unwrap_or_else(PoisonError::into_inner).clone().into();
        let longest = HANDSHAKE.min(Duration::from_secs(smtp.command_timeout_seconds));
        let shaking = Box::pin(acceptor.accept(stream));
        let stream = timeout(longest, shaking).await.ok()?.ok()?;
        Some(Stream::Tls(Box::new(stream)))
    }
}

fn read(files: &config::Tls) -> Result<Arc<ServerConfig>, Error> {
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|source| Error::File { path: files.certificate.clone(), source })?;
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|source| Error::File { path: files.key.clone(), source })?;
    let pair =
        |source| Error::Pair { certificate: files.certificate.clone(), key: files.key.clone(), source };
    ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map(Arc::new)
        .map_err(pair)
}
