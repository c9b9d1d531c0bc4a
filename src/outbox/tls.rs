//! TLS towards servers: certificates that must be right, and certificates whose result is only noted.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Which certificates are trusted: the system's, and those of a file. Cheap to clone.
#[derive(Clone)]
pub(super) struct Trust {
    provider: Arc<CryptoProvider>,
    verifier: Arc<Verifier>,
    strict: Arc<ClientConfig>,
}

/// An encrypted connection, and what is to be said of it.
pub(super) struct Encrypted {
    /// The connection.
    pub stream: TlsStream<TcpStream>,
    /// `TLSv1.3`, and where the certificate was only looked at, what came of that.
    pub label: String,
}

impl Trust {
    /// Reads the certificates.
    ///
    /// # Errors
    /// In words, when the file can't be read, or there are no certificates at all.
    pub(super) fn load(ca_file: Option<&Path>) -> Result<Self, String> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let more = match ca_file {
            Some(file) => certificates(file).map_err(|error| format!("{}: {error}", file.display()))?,
            None => Vec::new(),
        };
        let verifier = Verifier::new_with_extra_roots(more, provider.clone()).map_err(|e| e.to_string())?;
        let verifier = Arc::new(verifier);
        let strict = Arc::new(settings(&provider, verifier.clone()).map_err(|error| error.to_string())?);
        Ok(Self { provider, verifier, strict })
    }

    /// What an HTTPS client needs.
    pub(super) fn client_config(&self) -> ClientConfig {
        ClientConfig::clone(&self.strict)
    }

    /// Shakes hands with a server that must prove to be `host`.
    ///
    /// # Errors
    /// In words.
    pub(super) async fn verify(&self, host: &str, stream: TcpStream) -> Result<Encrypted, String> {
        let stream = shake_hands(self.strict.clone(), host, stream).await?;
        Ok(Encrypted { label: version(&stream).to_owned(), stream })
    }

    /// Shakes hands with whoever is there, and notes whether it proves to be `host` (RFC 7435).
    ///
    /// # Errors
    /// In words.
    pub(super) async fn note(&self, host: &str, stream: TcpStream) -> Result<Encrypted, String> {
        let noting = Arc::new(Noting { verifier: self.verifier.clone(), wrong: Mutex::default() });
        let settings = settings(&self.provider, noting.clone()).map_err(|error| error.to_string())?;
        let stream = shake_hands(Arc::new(settings), host, stream).await?;
        let wrong = noting.wrong.lock().unwrap_or_else(PoisonError::into_inner).take();
        let certificate = match wrong {
            None => "certificate verified".to_owned(),
            Some(error) => format!("certificate not verified: {}", in_words(&error)),
        };
        Ok(Encrypted { label: format!("{}, {certificate}", version(&stream)), stream })
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(file).map_err(|error| error.to_string())?;
    let all = read.collect::<Result<Vec<_>, _>>().map_err(|error| error.to_string())?;
    if all.is_empty() { Err("there is no certificate in it; expected PEM".into()) } else { Ok(all) }
}

fn settings(
    provider: &Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
) -> Result<ClientConfig, Error> {
    let builder =
        ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
}

async fn shake_hands(
    settings: Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, String> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| format!("TLS: {host:?}: {error}"))?;
    let shaken = TlsConnector::from(settings).connect(name, stream).await;
    shaken.map_err(|error| match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(wrong @ Error::InvalidCertificate(_)) => {
            format!("TLS: certificate refused: {}", in_words(wrong))
        }
        _ => format!("TLS: {error}"),
    })
}

/// As `openssl` and everybody else writes it.
fn version(stream: &TlsStream<TcpStream>) -> &'static str {
    match stream.get_ref().1.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "TLS",
    }
}

/// What is wrong with a certificate, for the log of tries.
fn in_words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => match error {
            CertificateError::UnknownIssuer => "unknown issuer".into(),
            CertificateError::BadSignature
            | CertificateError::UnsupportedSignatureAlgorithmContext { .. }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
                "bad signature".into()
            }
            CertificateError::Revoked => "revoked".into(),
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => "expired".into(),
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "not yet valid".into()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "issued for another name".into()
            }
            error => error.to_string(),
        },
        error => error.to_string(),
    }
}

/// Lets every certificate pass, and keeps what was wrong with it.
#[derive(Debug)]
struct Noting {
    verifier: Arc<Verifier>,
    wrong: Mutex<Option<Error>>,
}

impl ServerCertVerifier for Noting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verified =
            self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        *self.wrong.lock().unwrap_or_else(PoisonError::into_inner) = verified.err();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
