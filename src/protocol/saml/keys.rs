//! Keys of peers, which verify and encrypt, and keys of ours, which sign and decrypt.
//!
//! What counts of a peer's certificate is the key in it: metadata is how it is trusted, so neither its issuer
//! nor its expiry is asked (SAML 2.0 Metadata Interoperability Profile §2.6.1).

use std::fmt;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{self, OaepPrivateDecryptingKey, OaepPublicEncryptingKey};
use aws_lc_rs::signature::{self as sig, EcdsaKeyPair, KeyPair as _, UnparsedPublicKey};
use bergshamra::keys::loader;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;

use super::algorithms::SignatureAlgorithm;
use crate::ambient::UnixSecs;

/// Smallest RSA modulus accepted, in bits.
pub const RSA_BITS_MIN: usize = 2048;
/// Largest RSA modulus accepted, in bits: verifying costs by its square.
pub const RSA_BITS_MAX: usize = 8192;
/// Largest certificate read, in bytes.
pub const CERTIFICATE_BYTES_MAX: usize = 64 * 1024;

/// Why a key cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Not a certificate in DER or PEM.
    #[error("is not an X.509 certificate")]
    NotCertificate,
    /// Not a private key in PEM.
    #[error("is not a PEM private key")]
    NotPem,
    /// Shorter than what is safe, or longer than what is sensible.
    #[error("is an RSA key of less than {RSA_BITS_MIN} or more than {RSA_BITS_MAX} bits")]
    RsaBits,
    /// Of another kind.
    #[error("is neither an RSA key nor an elliptic curve key on P-256, P-384 or P-521")]
    Kind,
    /// The certificate and the private key do not belong together.
    #[error("does not belong to the certificate beside it")]
    OtherCertificate,
}

impl KeyFault {
    /// Every case.
    pub const ALL: &[KeyFault] = &[
        KeyFault::NotCertificate,
        KeyFault::NotPem,
        KeyFault::RsaBits,
        KeyFault::Kind,
        KeyFault::OtherCertificate,
    ];

    /// The stable name of the case.
    pub fn code(self) -> &'static str {
        match self {
            KeyFault::NotCertificate => "key-not-certificate",
            KeyFault::NotPem => "key-not-pem",
            KeyFault::RsaBits => "key-rsa-bits",
            KeyFault::Kind => "key-kind",
            KeyFault::OtherCertificate => "key-other-certificate",
        }
    }
}

/// Kinds of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// RSA, with the size of its modulus in bits.
    Rsa(usize),
    /// The curve P-256.
    P256,
    /// The curve P-384.
    P384,
    /// The curve P-521.
    P521,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyKind::Rsa(bits) => write!(f, "RSA, {bits} bits"),
            KeyKind::P256 => f.write_str("P-256"),
            KeyKind::P384 => f.write_str("P-384"),
            KeyKind::P521 => f.write_str("P-521"),
        }
    }
}

/// A public key of a peer, out of a certificate.
#[derive(Clone)]
pub struct PeerKey {
    kind: KeyKind,
    /// For verifying XML signatures.
    xml: bergshamra::Key,
    /// PKCS#1 of an RSA key, the uncompressed point of a curve's.
    raw: Vec<u8>,
    /// The whole SubjectPublicKeyInfo.
    spki: Vec<u8>,
    certificate: Vec<u8>,
    not_after: UnixSecs,
}

impl PeerKey {
    /// The key of a certificate in PEM.
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyFault> {
        let der = CertificateDer::from_pem_slice(pem).map_err(|_| KeyFault::NotCertificate)?;
        Self::from_der(&der)
    }

    /// The key of a certificate in DER.
    pub fn from_der(der: &[u8]) -> Result<Self, KeyFault> {
        if der.len() > CERTIFICATE_BYTES_MAX {
            return Err(KeyFault::NotCertificate);
        }
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| KeyFault::NotCertificate)?;
        if !rest.is_empty() {
            return Err(KeyFault::NotCertificate);
        }
        let public = certificate.public_key();
        let kind = match public.parsed().map_err(|_| KeyFault::Kind)? {
            PublicKey::RSA(key) => {
                let bits = modulus_bits(key.modulus);
                if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
                    return Err(KeyFault::RsaBits);
                }
                KeyKind::Rsa(bits)
            }
            // The curve is named beside the point; a point of another length than its own is refused below.
            PublicKey::EC(point) => match point.data().len() {
                65 => KeyKind::P256,
                97 => KeyKind::P384,
                133 => KeyKind::P521,
                _ => return Err(KeyFault::Kind),
            },
            _ => return Err(KeyFault::Kind),
        };
        let curve = public.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok());
        let named = curve.map(|oid| oid.to_id_string());
        let right = match kind {
            KeyKind::Rsa(_) => true,
            KeyKind::P256 => named.as_deref() == Some("1.2.840.10045.3.1.7"),
            KeyKind::P384 => named.as_deref() == Some("1.3.132.0.34"),
            KeyKind::P521 => named.as_deref() == Some("1.3.132.0.35"),
        };
        if !right {
            return Err(KeyFault::Kind);
        }
        let raw = public.subject_public_key.data.to_vec();
        let spki = public.raw.to_vec();
        let xml = loader::load_spki_der(&spki).map_err(|_| KeyFault::Kind)?;
        let not_after = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
        Ok(PeerKey { kind, xml, raw, spki, certificate: der.to_vec(), not_after: UnixSecs(not_after) })
    }

    /// What kind of key it is.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// When its certificate expires, for reports; verification does not ask.
    pub fn not_after(&self) -> UnixSecs {
        self.not_after
    }

    /// The certificate, in DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// SHA-256 of the certificate, in lower-case hex: what operators compare.
    pub fn fingerprint(&self) -> String {
        hex(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &self.certificate).as_ref())
    }

    /// The key as XML signatures are verified with it.
    pub(super) fn xml(&self) -> &bergshamra::Key {
        &self.xml
    }

    /// Whether `signature` over `message` is this key's, as the query string of HTTP-Redirect carries it: RSA
    /// as PKCS#1 has it, ECDSA as the two numbers side by side.
    pub fn verifies(&self, algorithm: SignatureAlgorithm, message: &[u8], signature: &[u8]) -> bool {
        use SignatureAlgorithm as A;
        let accepted: &'static dyn sig::VerificationAlgorithm = match (self.kind, algorithm) {
            (KeyKind::Rsa(_), A::RsaSha256) => &sig::RSA_PKCS1_2048_8192_SHA256,
            (KeyKind::Rsa(_), A::RsaSha384) => &sig::RSA_PKCS1_2048_8192_SHA384,
            (KeyKind::Rsa(_), A::RsaSha512) => &sig::RSA_PKCS1_2048_8192_SHA512,
            (KeyKind::P256, A::EcdsaSha256) => &sig::ECDSA_P256_SHA256_FIXED,
            (KeyKind::P384, A::EcdsaSha384) => &sig::ECDSA_P384_SHA384_FIXED,
            (KeyKind::P521, A::EcdsaSha512) => &sig::ECDSA_P521_SHA512_FIXED,
            _ => return false,
        };
        UnparsedPublicKey::new(accepted, &self.raw).verify(message, signature).is_ok()
    }

    /// The key to encrypt to, when it is one that can be.
    pub(super) fn encrypting(&self) -> Option<OaepPublicEncryptingKey> {
        let KeyKind::Rsa(_) = self.kind else { return None };
        OaepPublicEncryptingKey::new(rsa::PublicEncryptingKey::from_der(&self.spki).ok()?).ok()
    }
}

impl fmt::Debug for PeerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PeerKey({}, {})", self.kind, self.fingerprint())
    }
}

impl PartialEq for PeerKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki == other.spki
    }
}

fn modulus_bits(modulus: &[u8]) -> usize {
    let trimmed = &modulus[modulus.iter().position(|b| *b != 0).unwrap_or(modulus.len())..];
    trimmed.first().map_or(0, |first| trimmed.len() * 8 - first.leading_zeros() as usize)
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A private key of ours, parsed once, with the certificate that goes with it.
pub struct OwnKey {
    kind: KeyKind,
    pair: Pair,
    decrypting: Option<OaepPrivateDecryptingKey>,
    certificate: Option<PeerKey>,
}

enum Pair {
    Rsa(Box<rsa::KeyPair>),
    Ec(Box<EcdsaKeyPair>),
}

impl OwnKey {
    /// Reads a PEM private key (PKCS#8, PKCS#1 or SEC 1) and the PEM certificate that peers get, which must be
    /// its own.
    pub fn from_pem(key: &[u8], certificate: Option<&[u8]>) -> Result<Self, KeyFault> {
        let der = PrivateKeyDer::from_pem_slice(key).map_err(|_| KeyFault::NotPem)?;
        let (kind, pair) = Self::pair(&der)?;
        let decrypting = pair.decrypting();
        let certificate = certificate.map(PeerKey::from_pem).transpose()?;
        if certificate.as_ref().is_some_and(|certificate| certificate.raw != pair.public()) {
            return Err(KeyFault::OtherCertificate);
        }
        Ok(OwnKey { kind, pair, decrypting, certificate })
    }

    fn pair(der: &PrivateKeyDer<'_>) -> Result<(KeyKind, Pair), KeyFault> {
        let rsa = |pair: rsa::KeyPair| {
            let bits = pair.public_modulus_len() * 8;
            if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
                return Err(KeyFault::RsaBits);
            }
            Ok((KeyKind::Rsa(bits), Pair::Rsa(Box::new(pair))))
        };
        let ec = |der: &[u8], sec1: bool| {
            [
                (&sig::ECDSA_P256_SHA256_FIXED_SIGNING, KeyKind::P256),
                (&sig::ECDSA_P384_SHA384_FIXED_SIGNING, KeyKind::P384),
                (&sig::ECDSA_P521_SHA512_FIXED_SIGNING, KeyKind::P521),
            ]
            .into_iter()
            .find_map(|(algorithm, kind)| {
                let pair = if sec1 {
                    EcdsaKeyPair::from_private_key_der(algorithm, der)
                } else {
                    EcdsaKeyPair::from_pkcs8(algorithm, der)
                };
                pair.ok().map(|pair| (kind, Pair::Ec(Box::new(pair))))
            })
            .ok_or(KeyFault::Kind)
        };
        match der {
            PrivateKeyDer::Pkcs1(der) => {
                rsa(rsa::KeyPair::from_der(der.secret_pkcs1_der()).map_err(|_| KeyFault::RsaBits)?)
            }
            PrivateKeyDer::Sec1(der) => ec(der.secret_sec1_der(), true),
            PrivateKeyDer::Pkcs8(der) => match rsa::KeyPair::from_pkcs8(der.secret_pkcs8_der()) {
                Ok(pair) => rsa(pair),
                Err(_) => ec(der.secret_pkcs8_der(), false),
            },
            _ => Err(KeyFault::Kind),
        }
    }

    /// What kind of key it is.
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Its certificate, which is also its public half.
    pub fn certificate(&self) -> Option<&PeerKey> {
        self.certificate.as_ref()
    }

    /// Whether assertions can be encrypted to it.
    pub fn decrypts(&self) -> bool {
        self.decrypting.is_some()
    }

    /// What it signs with: SHA-256, and with the larger curves the digest that goes with them.
    pub fn algorithm(&self) -> SignatureAlgorithm {
        match self.kind {
            KeyKind::Rsa(_) => SignatureAlgorithm::RsaSha256,
            KeyKind::P256 => SignatureAlgorithm::EcdsaSha256,
            KeyKind::P384 => SignatureAlgorithm::EcdsaSha384,
            KeyKind::P521 => SignatureAlgorithm::EcdsaSha512,
        }
    }

    /// Signs bytes by [`OwnKey::algorithm`]. `None` when the cryptographic library fails.
    pub fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&sig::RSA_PKCS1_SHA256, &random, message, &mut signature).ok()?;
                Some(signature)
            }
            Pair::Ec(pair) => pair.sign(&random, message).ok().map(|signature| signature.as_ref().to_vec()),
        }
    }

    /// The key as assertions are decrypted with it.
    pub(super) fn decrypting(&self) -> Option<&OaepPrivateDecryptingKey> {
        self.decrypting.as_ref()
    }
}

impl Pair {
    fn public(&self) -> &[u8] {
        match self {
            Pair::Rsa(pair) => pair.public_key().as_ref(),
            Pair::Ec(pair) => pair.public_key().as_ref(),
        }
    }

    fn decrypting(&self) -> Option<OaepPrivateDecryptingKey> {
        let Pair::Rsa(pair) = self else { return None };
        let der = pair.as_der().ok()?;
        OaepPrivateDecryptingKey::new(rsa::PrivateDecryptingKey::from_pkcs8(der.as_ref()).ok()?).ok()
    }
}

impl fmt::Debug for OwnKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnKey({}, private)", self.kind)
    }
}
