//! Encrypted assertions (Core §2.3.4, XML Encryption): AES in Galois mode, its key by RSA-OAEP.
//!
//! What is wrong with the form is said by name, since anybody can see it. Whatever fails after that, with keys
//! and ciphertext, is one fault: an answer that told more would let somebody guess at the plaintext.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OaepAlgorithm};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::algorithms::{
    AES128_GCM, AES256_GCM, MGF1_SHA1, MGF1_SHA256, RSA_OAEP, RSA_OAEP_MGF1P, SHA1, SHA256,
};
use super::keys::{OwnKey, PeerKey};
use super::names::{DS, SAML, XENC, XENC11};
use super::write::Writer;
use super::xml::{self, El, MESSAGE};
use crate::ambient::Entropy;

/// Encrypted keys tried of one assertion: one for each of our keys, and room for the habits of providers. Each costs
/// a private operation, before anything is verified.
pub const ENCRYPTED_KEYS_MAX: usize = 4;
/// Longest OAEP label, in bytes.
const LABEL_BYTES_MAX: usize = 256;
/// Longest encrypted key, in bytes.
const WRAPPED_BYTES_MAX: usize = 1024;
const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;
const TYPE_ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";

/// Why an encrypted assertion is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncryptionFault {
    /// Something is missing, too much, or in disorder.
    #[error(
        "the encrypted assertion is not one EncryptedData with at most {ENCRYPTED_KEYS_MAX} EncryptedKey"
    )]
    Form,
    /// The content's algorithm.
    #[error("the assertion is encrypted otherwise than by AES-GCM")]
    ContentAlgorithm,
    /// The key's algorithm.
    #[error("the key of the assertion is encrypted otherwise than by RSA-OAEP")]
    KeyAlgorithm,
    /// Whatever else.
    #[error("the assertion could not be decrypted")]
    Undecryptable,
}

impl EncryptionFault {
    /// Every case.
    pub const ALL: &[EncryptionFault] = &[
        EncryptionFault::Form,
        EncryptionFault::ContentAlgorithm,
        EncryptionFault::KeyAlgorithm,
        EncryptionFault::Undecryptable,
    ];

    /// The stable name of the case.
    pub fn code(self) -> &'static str {
        match self {
            EncryptionFault::Form => "encryption-form",
            EncryptionFault::ContentAlgorithm => "encryption-content-algorithm",
            EncryptionFault::KeyAlgorithm => "encryption-key-algorithm",
            EncryptionFault::Undecryptable => "undecryptable",
        }
    }
}

struct Wrapped {
    algorithm: &'static OaepAlgorithm,
    label: Option<Vec<u8>>,
    key: Vec<u8>,
}

/// Opens an `EncryptedAssertion`: the text of a document whose element has the namespaces in scope here, and in
/// which the plaintext is the only child.
pub(super) fn decrypt(encrypted: El<'_>, keys: &[OwnKey]) -> Result<Zeroizing<String>, EncryptionFault> {
    use EncryptionFault as F;
    let children = encrypted.elements().map_err(|_| F::Form)?;
    let [data, beside @ ..] = &children[..] else { return Err(F::Form) };
    if !data.is(XENC, "EncryptedData") || data.attr("Type").is_some_and(|kind| kind != TYPE_ELEMENT) {
        return Err(F::Form);
    }
    let children = data.elements().map_err(|_| F::Form)?;
    let (method, info, cipher) = match &children[..] {
        [method, cipher] => (method, None, cipher),
        [method, info, cipher] if info.is(DS, "KeyInfo") => (method, Some(info), cipher),
        _ => return Err(F::Form),
    };
    if !method.is(XENC, "EncryptionMethod") {
        return Err(F::Form);
    }
    let content = match method.attr("Algorithm") {
        Some(AES128_GCM) => &AES_128_GCM,
        Some(AES256_GCM) => &AES_256_GCM,
        _ => return Err(F::ContentAlgorithm),
    };
    let mut found: Vec<El<'_>> = Vec::new();
    if let Some(info) = info {
        found.extend(
            info.elements().map_err(|_| F::Form)?.into_iter().filter(|el| el.is(XENC, "EncryptedKey")),
        );
    }
    for key in beside {
        if !key.is(XENC, "EncryptedKey") {
            return Err(F::Form);
        }
        found.push(*key);
    }
    if found.is_empty() || found.len() > ENCRYPTED_KEYS_MAX {
        return Err(F::Form);
    }
    let wrapped: Vec<Wrapped> = found.into_iter().map(wrapped).collect::<Result<_, _>>()?;
    let cipher = cipher_value(*cipher, MESSAGE.bytes_max)?;
    let mut opened = None;
    for wrapped in &wrapped {
        for key in keys {
            // All are tried, so that which one fits takes no other time.
            let plain = open(wrapped, key, content, &cipher);
            opened = opened.or(plain);
        }
    }
    let plain = opened.ok_or(F::Undecryptable)?;
    let plain = std::str::from_utf8(&plain).map_err(|_| F::Undecryptable)?;
    Ok(in_scope(encrypted, plain))
}

fn wrapped(key: El<'_>) -> Result<Wrapped, EncryptionFault> {
    use EncryptionFault as F;
    let children = key.elements().map_err(|_| F::Form)?;
    let mut children = children.into_iter().peekable();
    let method = children.next().filter(|el| el.is(XENC, "EncryptionMethod")).ok_or(F::Form)?;
    // Who the recipient is we know: each of our keys is tried.
    children.next_if(|el| el.is(DS, "KeyInfo"));
    let cipher = children.next().ok_or(F::Form)?;
    if !children.all(|el| el.is(XENC, "ReferenceList") || el.is(XENC, "CarriedKeyName")) {
        return Err(F::Form);
    }
    let (mut digest, mut mask, mut label) = (None, None, None);
    for part in method.elements().map_err(|_| F::Form)? {
        let uri = part.attr("Algorithm");
        let slot = match part.local() {
            "DigestMethod" if part.is(DS, "DigestMethod") => digest.replace(uri).is_some(),
            "MGF" if part.is(XENC11, "MGF") => mask.replace(uri).is_some(),
            "OAEPparams" if part.is(XENC, "OAEPparams") => {
                let text = part.text().map_err(|_| F::Form)?;
                label.replace(xml::base64(&text, LABEL_BYTES_MAX).map_err(|_| F::Form)?).is_some()
            }
            _ => return Err(F::KeyAlgorithm),
        };
        if slot {
            return Err(F::Form);
        }
    }
    let digest = digest.map_or(Some(SHA1), |uri| uri);
    let algorithm = match (method.attr("Algorithm"), digest, mask) {
        (Some(RSA_OAEP_MGF1P), Some(SHA1), None) => &OAEP_SHA1_MGF1SHA1,
        (Some(RSA_OAEP), Some(SHA1), None | Some(Some(MGF1_SHA1))) => &OAEP_SHA1_MGF1SHA1,
        (Some(RSA_OAEP), Some(SHA256), Some(Some(MGF1_SHA256))) => &OAEP_SHA256_MGF1SHA256,
        _ => return Err(F::KeyAlgorithm),
    };
    Ok(Wrapped { algorithm, label, key: cipher_value(cipher, WRAPPED_BYTES_MAX)? })
}

fn cipher_value(data: El<'_>, bytes_max: usize) -> Result<Vec<u8>, EncryptionFault> {
    use EncryptionFault as F;
    let children = data.elements().map_err(|_| F::Form)?;
    match &children[..] {
        [value] if data.is(XENC, "CipherData") && value.is(XENC, "CipherValue") => {
            xml::base64(&value.text().map_err(|_| F::Form)?, bytes_max).map_err(|_| F::Form)
        }
        _ => Err(F::Form),
    }
}

fn open(
    wrapped: &Wrapped,
    key: &OwnKey,
    content: &'static Algorithm,
    cipher: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let oaep = key.decrypting()?;
    let mut room = Zeroizing::new(vec![0; oaep.min_output_size()]);
    let unwrapped =
        oaep.decrypt(wrapped.algorithm, &wrapped.key, &mut room, wrapped.label.as_deref()).ok().map(|k| &*k);
    let fits = unwrapped.filter(|key| key.len() == content.key_len());
    // Without a key the content is tried all the same, with one that cannot fit, for the time that it takes.
    let secret = fits.unwrap_or(&[0; 32][..content.key_len()]);
    let gcm = LessSafeKey::new(UnboundKey::new(content, secret).ok()?);
    let (nonce, sealed) = cipher.split_first_chunk::<NONCE_BYTES>()?;
    let mut sealed = Zeroizing::new(sealed.to_vec());
    let length = gcm
        .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::empty(), &mut sealed)
        .ok()
        .map(|plain| plain.len());
    match (fits, length) {
        (Some(_), Some(length)) => {
            sealed.truncate(length);
            Some(sealed)
        }
        _ => None,
    }
}

/// The plaintext stood in the scope of its parent's namespaces, and is read there again (XML Encryption §4.5).
fn in_scope(encrypted: El<'_>, plain: &str) -> Zeroizing<String> {
    let mut declarations: Vec<(String, &str)> = Vec::new();
    for (prefix, uri) in encrypted.scope() {
        match prefix {
            "" => declarations.push(("xmlns".to_owned(), uri)),
            "xml" => {}
            prefix if !uri.is_empty() => declarations.push((format!("xmlns:{prefix}"), uri)),
            _ => {}
        }
    }
    let attributes: Vec<(&str, &str)> =
        declarations.iter().map(|(name, uri)| (name.as_str(), *uri)).collect();
    let mut writer = Writer::new();
    writer.open("plain", &attributes).raw(plain).close("plain");
    Zeroizing::new(writer.finish())
}

/// Encrypts an assertion for the holder of a certificate: `saml:EncryptedAssertion`. `None` when its key is not
/// one that can be encrypted to.
pub(super) fn encrypt(assertion: &str, to: &PeerKey, entropy: &Entropy) -> Option<String> {
    let oaep = to.encrypting()?;
    let secret = Zeroizing::new(entropy.bytes::<32>());
    let nonce = entropy.bytes::<NONCE_BYTES>();
    let gcm = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, secret.as_slice()).ok()?);
    let mut sealed = Vec::with_capacity(NONCE_BYTES + assertion.len() + TAG_BYTES);
    sealed.extend_from_slice(assertion.as_bytes());
    gcm.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut sealed).ok()?;
    sealed.splice(0..0, nonce);
    let mut room = vec![0; oaep.ciphertext_size()];
    let wrapped = oaep.encrypt(&OAEP_SHA1_MGF1SHA1, secret.as_slice(), &mut room, None).ok()?;
    let mut writer = Writer::new();
    writer
        .open("saml:EncryptedAssertion", &[("xmlns:saml", SAML)])
        .open("xenc:EncryptedData", &[("xmlns:xenc", XENC), ("Type", TYPE_ELEMENT)])
        .empty("xenc:EncryptionMethod", &[("Algorithm", AES256_GCM)])
        .open("ds:KeyInfo", &[("xmlns:ds", DS)])
        .open("xenc:EncryptedKey", &[])
        .open("xenc:EncryptionMethod", &[("Algorithm", RSA_OAEP_MGF1P)])
        .empty("ds:DigestMethod", &[("Algorithm", SHA1)])
        .close("xenc:EncryptionMethod")
        .open("xenc:CipherData", &[])
        .leaf("xenc:CipherValue", &[], &STANDARD.encode(wrapped))
        .close("xenc:CipherData")
        .close("xenc:EncryptedKey")
        .close("ds:KeyInfo")
        .open("xenc:CipherData", &[])
        .leaf("xenc:CipherValue", &[], &STANDARD.encode(&sealed))
        .close("xenc:CipherData")
        .close("xenc:EncryptedData")
        .close("saml:EncryptedAssertion");
    Some(writer.finish())
}
