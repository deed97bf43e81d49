//! XML signatures as SAML has them (Core §5.4): enveloped, one reference, to the element around them.
//!
//! The form is judged on the tree before any cryptography, and the answer is not "valid" but *which element*
//! is signed; whoever wants to read something asks for the element first.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra::c14n::{C14nMode, canonicalize_doc};
use bergshamra::dsig::verify::{verify_all_document, verify_document};
use bergshamra::{DsigContext, KeysManager, VerifyResult};

use super::algorithms::{DIGESTS, EMPTY_DIGESTS, ENVELOPED, SHA256, SignatureAlgorithm};
use super::keys::{OwnKey, PeerKey};
use super::names::{DS, EXC_C14N};
use super::write::Writer;
use super::xml::{self, El, MESSAGE, Tree};

/// Longest signature value, in bytes: RSA of 8192 bits.
const SIGNATURE_BYTES_MAX: usize = 1024;

/// Most prefixes that one canonicalisation treats inclusively; providers name one or two.
pub const PREFIXES_MAX: usize = 16;
/// Longest list of them, in bytes.
pub const PREFIX_LIST_BYTES_MAX: usize = 256;

/// Why a signature is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// A signature where none may be.
    #[error("there is a signature in a place where none belongs")]
    Misplaced,
    /// Two signatures in one element.
    #[error("an element has two signatures")]
    Doubled,
    /// Something is missing, too much, or in disorder.
    #[error("the signature is not one SignedInfo with one Reference and one SignatureValue")]
    Form,
    /// It refers to something else than the element around it.
    #[error("the signature refers to something else than the element around it")]
    Reference,
    /// Another transform, or another number of them.
    #[error(
        "the signature transforms what it signs otherwise than by enveloped-signature and exclusive canonicalisation"
    )]
    Transforms,
    /// Another canonicalisation of SignedInfo.
    #[error("the signature is canonicalised otherwise than exclusively and without comments")]
    Canonicalization,
    /// Another algorithm.
    #[error("the signature's algorithm is not accepted")]
    Algorithm,
    /// Another digest.
    #[error("the signature's digest algorithm is not accepted")]
    Digest,
    /// A value that is empty, split, or not base64.
    #[error("a value of the signature is empty, split or not base64")]
    Value,
    /// No key of the peer verifies it.
    #[error("no key of the peer verifies the signature")]
    Invalid,
    /// There is none.
    #[error("it is not signed")]
    Missing,
}

impl SignatureFault {
    /// Every case.
    pub const ALL: &[SignatureFault] = &[
        SignatureFault::Misplaced,
        SignatureFault::Doubled,
        SignatureFault::Form,
        SignatureFault::Reference,
        SignatureFault::Transforms,
        SignatureFault::Canonicalization,
        SignatureFault::Algorithm,
        SignatureFault::Digest,
        SignatureFault::Value,
        SignatureFault::Invalid,
        SignatureFault::Missing,
    ];

    /// The stable name of the case.
    pub fn code(self) -> &'static str {
        match self {
            SignatureFault::Misplaced => "signature-misplaced",
            SignatureFault::Doubled => "signature-doubled",
            SignatureFault::Form => "signature-form",
            SignatureFault::Reference => "signature-reference",
            SignatureFault::Transforms => "signature-transforms",
            SignatureFault::Canonicalization => "signature-canonicalization",
            SignatureFault::Algorithm => "signature-algorithm",
            SignatureFault::Digest => "signature-digest",
            SignatureFault::Value => "signature-value",
            SignatureFault::Invalid => "signature-invalid",
            SignatureFault::Missing => "signature-missing",
        }
    }
}

/// The signed elements of a tree, each by a signature that verified. Only [`verify`] makes it.
pub(super) struct Signed<'t>(Vec<El<'t>>);

impl<'t> Signed<'t> {
    /// Whether this element is the one a signature covers.
    pub(super) fn covers(&self, element: El<'t>) -> bool {
        self.0.contains(&element)
    }
}

/// Verifies every signature of a tree. Each must be a child of one of `homes`, which are in the order of the
/// document, and none may be anywhere else; one that does not verify spoils the whole. No signature at all is
/// no fault here: ask [`Signed::covers`].
pub(super) fn verify<'t>(
    tree: &'t Tree<'_>,
    homes: &[El<'t>],
    keys: &[PeerKey],
) -> Result<Signed<'t>, SignatureFault> {
    let signatures: Vec<El<'t>> = tree.root().descendants().filter(|el| el.is(DS, "Signature")).collect();
    let mut signed = Vec::new();
    for signature in &signatures {
        let home = signature.parent().filter(|parent| homes.contains(parent));
        let home = home.ok_or(SignatureFault::Misplaced)?;
        if signed.contains(&home) {
            return Err(SignatureFault::Doubled);
        }
        form(*signature, home)?;
        signed.push(home);
    }
    if signatures.is_empty() {
        return Ok(Signed(signed));
    }
    let mut manager = KeysManager::new();
    manager.add_keys(keys.iter().map(|key| key.xml().clone()));
    let results = verify_all_document(&DsigContext::new(manager), tree.document())
        .map_err(|_| SignatureFault::Invalid)?;
    // One answer for each signature, in the order of the document, and about the element we think it is.
    if results.len() != signatures.len() {
        return Err(SignatureFault::Invalid);
    }
    for ((result, signature), home) in results.iter().zip(&signatures).zip(&signed) {
        let VerifyResult::Valid { signature_node, references, .. } = result else {
            return Err(SignatureFault::Invalid);
        };
        let [reference] = &references[..] else { return Err(SignatureFault::Invalid) };
        let same = *signature_node == signature.node()
            && reference.resolved_node == Some(home.node())
            && reference.digest_verified;
        if !same {
            return Err(SignatureFault::Invalid);
        }
    }
    Ok(Signed(signed))
}

/// Verifies the one signature on the document element, whatever else may be signed within: the whole document
/// is covered by it.
pub(super) fn verify_root(tree: &Tree<'_>, keys: &[PeerKey]) -> Result<(), SignatureFault> {
    let root = tree.root();
    let children = root.elements().map_err(|_| SignatureFault::Form)?;
    let mut signatures = children.iter().filter(|el| el.is(DS, "Signature"));
    let (signature, second) = (signatures.next(), signatures.next());
    let signature = signature.ok_or(SignatureFault::Missing)?;
    if second.is_some() {
        return Err(SignatureFault::Doubled);
    }
    form(*signature, root)?;
    let mut manager = KeysManager::new();
    manager.add_keys(keys.iter().map(|key| key.xml().clone()));
    // The library verifies the first of the document; that this is the one is seen by its answer.
    match verify_document(&DsigContext::new(manager), tree.document()) {
        Ok(VerifyResult::Valid { signature_node, references, .. })
            if signature_node == signature.node()
                && references.len() == 1
                && references[0].digest_verified
                && references[0].resolved_node == Some(root.node()) =>
        {
            Ok(())
        }
        _ => Err(SignatureFault::Invalid),
    }
}

/// The form of one signature in `home`, judged without cryptography.
fn form(signature: El<'_>, home: El<'_>) -> Result<(), SignatureFault> {
    use SignatureFault as F;
    let children = signature.elements().map_err(|_| F::Form)?;
    let (info, value) = match &children[..] {
        [info, value] if value.is(DS, "SignatureValue") => (info, value),
        [info, value, key] if value.is(DS, "SignatureValue") && key.is(DS, "KeyInfo") => (info, value),
        _ => return Err(F::Form),
    };
    if !info.is(DS, "SignedInfo") {
        return Err(F::Form);
    }
    let children = info.elements().map_err(|_| F::Form)?;
    let [canonicalization, method, reference] = &children[..] else { return Err(F::Form) };
    if !canonicalization.is(DS, "CanonicalizationMethod")
        || !method.is(DS, "SignatureMethod")
        || !reference.is(DS, "Reference")
    {
        return Err(F::Form);
    }
    if !is_exclusive(*canonicalization) {
        return Err(F::Canonicalization);
    }
    let algorithm = SignatureAlgorithm::from_uri(method.attr("Algorithm").unwrap_or_default());
    if algorithm.is_none() || !is_bare(*method) {
        return Err(F::Algorithm);
    }
    self::reference(*reference, home)?;
    plain_base64(*value, SIGNATURE_BYTES_MAX)?;
    Ok(())
}

fn reference(reference: El<'_>, home: El<'_>) -> Result<(), SignatureFault> {
    use SignatureFault as F;
    let id = home.attr("ID").ok_or(F::Reference)?;
    if reference.attr("URI").and_then(|uri| uri.strip_prefix('#')) != Some(id) {
        return Err(F::Reference);
    }
    let children = reference.elements().map_err(|_| F::Form)?;
    let [transforms, method, value] = &children[..] else { return Err(F::Form) };
    if !transforms.is(DS, "Transforms") || !method.is(DS, "DigestMethod") || !value.is(DS, "DigestValue") {
        return Err(F::Form);
    }
    let children = transforms.elements().map_err(|_| F::Form)?;
    let [enveloped, exclusive] = &children[..] else { return Err(F::Transforms) };
    let right = enveloped.is(DS, "Transform")
        && enveloped.attr("Algorithm") == Some(ENVELOPED)
        && is_bare(*enveloped)
        && exclusive.is(DS, "Transform")
        && is_exclusive(*exclusive);
    if !right {
        return Err(F::Transforms);
    }
    if !method.attr("Algorithm").is_some_and(|uri| DIGESTS.contains(&uri)) || !is_bare(*method) {
        return Err(F::Digest);
    }
    let digest = plain_base64(*value, 64)?;
    if EMPTY_DIGESTS.contains(&digest.as_str()) {
        return Err(F::Value);
    }
    Ok(())
}

/// Exclusive canonicalisation without comments, with at most a list of prefixes.
fn is_exclusive(element: El<'_>) -> bool {
    element.attr("Algorithm") == Some(EXC_C14N)
        && element.elements().is_ok_and(|children| match &children[..] {
            [] => true,
            [list] => list.is(EXC_C14N, "InclusiveNamespaces") && is_bare(*list) && is_short(*list),
            _ => false,
        })
}

/// Whether a list of prefixes is of a length that canonicalisation may go through for every element: whoever posts
/// the message chooses it, and it is gone through before any key is tried. And whether its spaces are those of XML:
/// the library knows more of them than others do, and would find other prefixes.
fn is_short(list: El<'_>) -> bool {
    let prefixes = list.attr("PrefixList").unwrap_or_default();
    prefixes.chars().all(|c| c.is_ascii() || !c.is_whitespace())
        && prefixes.len() <= PREFIX_LIST_BYTES_MAX
        && prefixes.split_ascii_whitespace().count() <= PREFIXES_MAX
}

/// No element inside, and no text.
fn is_bare(element: El<'_>) -> bool {
    element.elements().is_ok_and(|children| children.is_empty())
}

/// The text of a value without white space, when it is base64 of one byte or more.
fn plain_base64(element: El<'_>, bytes_max: usize) -> Result<String, SignatureFault> {
    let text = element.text().map_err(|_| SignatureFault::Value)?;
    match xml::base64(&text, bytes_max) {
        Ok(bytes) if !bytes.is_empty() => Ok(text.split_ascii_whitespace().collect()),
        _ => Err(SignatureFault::Value),
    }
}

/// Why something could not be signed; with a key of [`OwnKey`] and XML of ours, it is a fault of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the message could not be signed")]
pub struct CannotSign;

/// Puts a signature, made with the kept key, over the element `id`, which is the document element, between `head` and `tail`.
///
/// The canonical form of the document is the library's; that of SignedInfo is what is written here, since all
/// of it is ours. Others verify it in `tests/saml`.
pub(super) fn sign(head: &str, tail: &str, id: &str, key: &OwnKey) -> Result<String, CannotSign> {
    let xml = format!("{head}{tail}");
    let tree = Tree::parse(&xml, &MESSAGE).map_err(|_| CannotSign)?;
    if tree.root().attr("ID") != Some(id) {
        return Err(CannotSign);
    }
    let canonical = canonicalize_doc::<&str>(tree.document(), C14nMode::Exclusive, None, &[]);
    let canonical = canonical.map_err(|_| CannotSign)?;
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &canonical);
    // The element stands in the document without the declaration, which its parent has.
    let info = signed_info(id, key, &STANDARD.encode(digest));
    let canonical = format!("<ds:SignedInfo xmlns:ds=\"{DS}\">{info}</ds:SignedInfo>");
    let value = STANDARD.encode(key.sign(canonical.as_bytes()).ok_or(CannotSign)?);
    let mut writer = Writer::new();
    writer
        .raw(head)
        .open("ds:Signature", &[("xmlns:ds", DS)])
        .open("ds:SignedInfo", &[])
        .raw(&info)
        .close("ds:SignedInfo")
        .leaf("ds:SignatureValue", &[], &value);
    if let Some(certificate) = key.certificate() {
        writer.open("ds:KeyInfo", &[]);
        certificate_element(&mut writer, certificate.certificate());
        writer.close("ds:KeyInfo");
    }
    writer.close("ds:Signature").raw(tail);
    Ok(writer.finish())
}

/// What is inside SignedInfo, in canonical form: no element is written as an empty tag.
fn signed_info(id: &str, key: &OwnKey, digest: &str) -> String {
    let reference = format!("#{id}");
    let algorithm = |uri| [("Algorithm", uri)];
    let mut writer = Writer::new();
    writer
        .leaf("ds:CanonicalizationMethod", &algorithm(EXC_C14N), "")
        .leaf("ds:SignatureMethod", &algorithm(key.algorithm().uri()), "")
        .open("ds:Reference", &[("URI", &reference)])
        .open("ds:Transforms", &[])
        .leaf("ds:Transform", &algorithm(ENVELOPED), "")
        .leaf("ds:Transform", &algorithm(EXC_C14N), "")
        .close("ds:Transforms")
        .leaf("ds:DigestMethod", &algorithm(SHA256), "")
        .leaf("ds:DigestValue", &[], digest)
        .close("ds:Reference");
    writer.finish()
}

/// `ds:X509Data` with a certificate.
pub(super) fn certificate_element(writer: &mut Writer, der: &[u8]) {
    let text = STANDARD.encode(der);
    writer.open("ds:X509Data", &[]).leaf("ds:X509Certificate", &[], &text).close("ds:X509Data");
}
