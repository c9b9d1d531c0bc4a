//! Keys that sign mail: made, read, and shown as the DNS record that publishes them (RFC 6376 §3.6.1).

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::path::Path;

use crypto_bigint::rand_core::{TryCryptoRng, TryRng};
use crypto_bigint::{BoxedUint, ConcatenatingMul as _, Gcd as _, NonZero, Resize as _};
use crypto_primes::hazmat::{SetBits, SmallFactorsSieveFactory};
use crypto_primes::{Flavor, is_prime, sieve_and_find};
use data_encoding::BASE64;
use mail_auth::common::crypto::{DkimKey, Ed25519Key, RsaKey};
use pkcs1::{RsaPrivateKey, RsaPrivateKeyRef};
use pkcs8::der::asn1::{BitStringRef, OctetStringRef, UintRef};
use pkcs8::der::{Decode as _, Encode as _};
use pkcs8::spki::SubjectPublicKeyInfoRef;
use pkcs8::{AlgorithmIdentifierRef, LineEnding, ObjectIdentifier, PrivateKeyInfoRef, SecretDocument};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::{self, PemObject as _};

use super::resolver::ascii_domain;
use crate::clock::Ids;
use crate::config;

/// RFC 8410 §3.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// Bits of an RSA key: receivers must take 2048, longer ones don't fit a DNS answer well (RFC 8301 §3.2).
const RSA_BITS: u32 = 2048;
/// The public exponent everybody uses, a prime.
const EXPONENT: u32 = 65_537;
/// Longest string of a TXT record (RFC 1035 §3.3).
const MAX_STRING: usize = 255;

/// What a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// `rsa-sha256` (RFC 8301): everybody verifies it.
    Rsa,
    /// `ed25519-sha256` (RFC 8463): short and fast, not yet verified by all.
    Ed25519,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa => "rsa",
            Self::Ed25519 => "ed25519",
        })
    }
}

/// Why a key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file.
    #[error("{0}: {1}")]
    Read(String, io::Error),
    /// Something else than a key stands in it.
    #[error("{0} holds no private key; expected PEM, as `postdesk dkim new` writes it")]
    NotPem(String),
    /// Another algorithm.
    #[error("{0} holds a key of another kind; expected RSA or Ed25519")]
    Kind(String),
    /// RFC 8301 §3.2: signers must use at least 1024 bits and should use 2048.
    #[error("{0} holds an RSA key of {1} bits; expected 2048 at least")]
    Weak(String, u32),
    /// Its numbers don't fit together.
    #[error("{0} holds a damaged key: {1}")]
    Damaged(String, String),
}

/// A private key, and the name it is published under.
pub struct SigningKey {
    domain: String,
    selector: String,
    public: Vec<u8>,
    pub(super) key: DkimKey,
}

impl SigningKey {
    /// Reads a key (PKCS#8, or PKCS#1 for RSA).
    ///
    /// # Errors
    /// When the file can't be read, or the key is damaged, weak or of another kind.
    pub fn load(settings: &config::DkimKey) -> Result<Self, KeyError> {
        let file = settings.key.display().to_string();
        let (key, public) = read(&settings.key, &file)?;
        Ok(Self {
            domain: ascii_domain(&settings.domain).unwrap_or_default(),
            selector: settings.selector.clone(),
            public,
            key,
        })
    }

    /// What it is.
    pub fn kind(&self) -> KeyKind {
        match self.key {
            DkimKey::Rsa(_) => KeyKind::Rsa,
            DkimKey::Ed25519(_) => KeyKind::Ed25519,
        }
    }

    /// The domain it signs for, in ASCII.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// Its name within the domain.
    pub fn selector(&self) -> &str {
        &self.selector
    }

    /// Where its record stands: `pd2026._domainkey.shop.example`.
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// What its TXT record says, in one piece.
    pub fn record(&self) -> String {
        format!("v=DKIM1; k={}; p={}", self.kind(), BASE64.encode(&self.public))
    }

    /// Whether a TXT record found at its name publishes this very key.
    pub fn is_published_by(&self, text: &str) -> bool {
        let mut tags = text.split(';').filter_map(|tag| tag.split_once('='));
        let public = tags.find(|(tag, _)| tag.trim() == "p").map(|(_, value)| value);
        public.is_some_and(|public| {
            let public: String = public.split_whitespace().collect();
            public == BASE64.encode(&self.public)
        })
    }

    /// The record as a line of a zone file, cut into strings that fit.
    pub fn zone_line(&self) -> String {
        let record = self.record();
        let strings = record.as_bytes().chunks(MAX_STRING).map(String::from_utf8_lossy);
        let strings: Vec<_> = strings.map(|string| format!("\"{string}\"")).collect();
        format!("{}. IN TXT ( {} )", self.record_name(), strings.join(" "))
    }
}

/// A key and its public half: an RSA one's as SubjectPublicKeyInfo, an Ed25519 one's bare (RFC 8463 §4).
fn read(path: &Path, file: &str) -> Result<(DkimKey, Vec<u8>), KeyError> {
    let der = PrivateKeyDer::from_pem_file(path).map_err(|error| match error {
        pem::Error::Io(error) => KeyError::Read(file.into(), error),
        _ => KeyError::NotPem(file.into()),
    })?;
    let damaged = |error: &dyn fmt::Display| KeyError::Damaged(file.into(), error.to_string());
    if let PrivateKeyDer::Pkcs8(pkcs8) = &der {
        let info = PrivateKeyInfoRef::try_from(pkcs8.secret_pkcs8_der()).map_err(|error| damaged(&error))?;
        if info.algorithm.oid == ED25519 {
            let key = Ed25519Key::from_pkcs8_maybe_unchecked_der(pkcs8.secret_pkcs8_der());
            let key = key.map_err(|error| damaged(&error))?;
            let public = key.public_key();
            return Ok((key.into(), public));
        }
        if info.algorithm.oid != pkcs1::ALGORITHM_OID {
            return Err(KeyError::Kind(file.into()));
        }
        check_strength(info.private_key.as_bytes(), file)?;
    } else if let PrivateKeyDer::Pkcs1(pkcs1) = &der {
        check_strength(pkcs1.secret_pkcs1_der(), file)?;
    } else {
        return Err(KeyError::Kind(file.into()));
    }
    let key = RsaKey::from_key_der(der).map_err(|error| damaged(&error))?;
    let public = key.public_key();
    let bits = BitStringRef::from_bytes(&public).map_err(|error| damaged(&error))?;
    let info = SubjectPublicKeyInfoRef { algorithm: pkcs1::ALGORITHM_ID, subject_public_key: bits };
    let public = info.to_der().map_err(|error| damaged(&error))?;
    Ok((DkimKey::Rsa(key), public))
}

fn check_strength(pkcs1: &[u8], file: &str) -> Result<(), KeyError> {
    let key = RsaPrivateKeyRef::from_der(pkcs1)
        .map_err(|error| KeyError::Damaged(file.into(), error.to_string()))?;
    let modulus = key.modulus.as_bytes();
    let bits = modulus.first().map_or(0, |first| 8 * modulus.len() as u32 - first.leading_zeros());
    if bits < RSA_BITS { Err(KeyError::Weak(file.into(), bits)) } else { Ok(()) }
}

/// A new Ed25519 key, PKCS#8 in PEM (RFC 8410 §7).
pub fn new_ed25519(ids: &Ids) -> String {
    let seed = OctetStringRef::new(&ids.bytes::<32>()).and_then(|seed| seed.to_der());
    let seed = seed.expect("a short string");
    pkcs8(AlgorithmIdentifierRef { oid: ED25519, parameters: None }, &seed)
}

/// A new RSA key of 2048 bits, PKCS#8 in PEM. Takes a second or so.
pub fn new_rsa(ids: &Ids) -> String {
    let mut rng = Randomness(ids);
    let (p, q) = loop {
        let (p, q) = (prime(&mut rng), prime(&mut rng));
        // FIPS 186-5 A.1.3: primes that differ within their first 100 bits.
        let (larger, smaller) = if p > q { (p, q) } else { (q, p) };
        if larger.wrapping_sub(&smaller).bits() > RSA_BITS / 2 - 100 {
            break (larger, smaller);
        }
    };
    pkcs8(pkcs1::ALGORITHM_ID, &rsa_from_primes(&p, &q))
}

/// A prime of half a key's bits, the first two set, that the exponent goes with.
fn prime(rng: &mut Randomness<'_>) -> BoxedUint {
    let exponent = NonZero::new(BoxedUint::from(EXPONENT)).expect("not zero");
    loop {
        let sieve = SmallFactorsSieveFactory::new(Flavor::Any, RSA_BITS / 2, SetBits::TwoMsb)
            .expect("primes of this size exist");
        let found = sieve_and_find(rng, sieve, |_, candidate: &BoxedUint| is_prime(Flavor::Any, candidate));
        let prime = found.expect("bits fit").expect("there are primes enough");
        if !bool::from(prime.rem(&exponent).is_one()) {
            return prime;
        }
    }
}

/// PKCS#1's numbers of a key (RFC 8017 §3.2), `p` the larger.
fn rsa_from_primes(p: &BoxedUint, q: &BoxedUint) -> Vec<u8> {
    let one = BoxedUint::one_with_precision(RSA_BITS / 2);
    let (p1, q1) = (p.wrapping_sub(&one), q.wrapping_sub(&one));
    let shared = NonZero::new(p1.gcd(&q1)).expect("both are even");
    let common = p1.concatenating_mul(&q1).wrapping_div(&shared);
    let e = BoxedUint::from(EXPONENT);
    let inverse = |number: &BoxedUint, modulus: &BoxedUint| {
        let modulus = NonZero::new(modulus.clone()).expect("larger than one");
        let number = number.resize(modulus.bits_precision());
        number.invert_mod(&modulus).expect("chosen without a common factor").to_be_bytes()
    };
    let (n, d) = (p.concatenating_mul(q).to_be_bytes(), inverse(&e, &common));
    let (dp, dq, qi) = (inverse(&e, &p1), inverse(&e, &q1), inverse(q, p));
    let (p, q, e) = (p.to_be_bytes(), q.to_be_bytes(), e.to_be_bytes());
    let number = |bytes| UintRef::new(bytes).expect("a number of ordinary length");
    let key = RsaPrivateKey {
        modulus: number(&n),
        public_exponent: number(&e),
        private_exponent: number(&d),
        prime1: number(&p),
        prime2: number(&q),
        exponent1: number(&dp),
        exponent2: number(&dq),
        coefficient: number(&qi),
        other_prime_infos: None,
    };
    key.to_der().expect("numbers of ordinary length")
}

fn pkcs8(algorithm: AlgorithmIdentifierRef<'_>, key: &[u8]) -> String {
    let key = OctetStringRef::new(key).expect("a short string");
    let document = SecretDocument::try_from(PrivateKeyInfoRef::new(algorithm, key)).expect("a short string");
    document.to_pem("PRIVATE KEY", LineEnding::LF).expect("a label literal").to_string()
}

/// Our source of randomness, as the search for primes wants it.
struct Randomness<'a>(&'a Ids);

impl TryRng for Randomness<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.0.bytes()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.0.bytes()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        for chunk in out.chunks_mut(32) {
            chunk.copy_from_slice(&self.0.bytes::<32>()[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Randomness<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands in a file.
    fn load(pem: &str) -> Result<SigningKey, KeyError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), pem).unwrap();
        let (domain, selector) = ("Bücher.example".into(), "pd".into());
        SigningKey::load(&config::DkimKey { domain, selector, key: file.path().into(), sign: true })
    }

    #[test]
    fn keys_we_make_are_read_again() {
        let rsa = load(&new_rsa(&Ids::seeded(1))).unwrap();
        assert_eq!(rsa.kind(), KeyKind::Rsa);
        assert_eq!(rsa.record_name(), "pd._domainkey.xn--bcher-kva.example");
        let record = rsa.record();
        assert!(
            record.starts_with("v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA"),
            "{record}"
        );
        let ed25519 = load(&new_ed25519(&Ids::seeded(1))).unwrap();
        assert_eq!(ed25519.kind(), KeyKind::Ed25519);
        assert_eq!(ed25519.record().len(), "v=DKIM1; k=ed25519; p=".len() + 44);
    }

    #[test]
    fn primes_are_never_the_same() {
        let ids = Ids::seeded(7);
        let mut rng = Randomness(&ids);
        let (p, q) = (prime(&mut rng), prime(&mut rng));
        assert_ne!(p, q);
        assert_eq!((p.bits(), q.bits()), (1024, 1024));
    }

    #[test]
    fn records_are_cut_into_strings() {
        let key = load(&new_rsa(&Ids::seeded(2))).unwrap();
        let line = key.zone_line();
        let strings: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
        assert!(strings.len() == 2 && strings.iter().all(|string| string.len() <= MAX_STRING), "{line}");
        assert_eq!(strings.concat(), key.record());
    }

    #[test]
    fn a_record_publishes_one_key() {
        let key = load(&new_ed25519(&Ids::seeded(4))).unwrap();
        let record = key.record();
        let folded = record.replace("p=", "p = ").replacen("; ", ";", 1);
        let (half, rest) = folded.split_at(folded.len() - 10);
        for (text, want) in [
            (record.clone(), true),
            (format!("{half} {rest} ; t=s"), true),
            (load(&new_ed25519(&Ids::seeded(5))).unwrap().record(), false),
            ("v=DKIM1; p=".into(), false),
            ("v=spf1 -all".into(), false),
            (String::new(), false),
        ] {
            assert_eq!(key.is_published_by(&text), want, "{text}");
        }
    }

    #[test]
    fn what_is_no_good_key_is_named() {
        let short = "-----BEGIN RSA PRIVATE KEY-----\nMB0CAQACAgyhAgERAgIKwQIBPQIBNQIBNQIBMQIBJg==\n-----END RSA PRIVATE KEY-----\n";
        let other = rcgen::KeyPair::generate().unwrap().serialize_pem();
        let cut = new_rsa(&Ids::seeded(3)).replace("MIIE", "MIID");
        for (pem, want) in [
            ("", "holds no private key; expected PEM, as `postdesk dkim new` writes it"),
            ("hello", "holds no private key"),
            (short, "holds an RSA key of 12 bits; expected 2048 at least"),
            (&other, "holds a key of another kind; expected RSA or Ed25519"),
            (&cut, "holds a damaged key: "),
        ] {
            let problem = load(pem).err().expect(want).to_string();
            assert!(problem.contains(want), "{problem}");
        }
    }
}
