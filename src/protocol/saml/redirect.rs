//! The HTTP-Redirect binding (Bindings §3.4): a message in a query string, compressed, with a signature over
//! the string itself.
//!
//! A signature is verified over the octets as they were received. Encoding them again would be a guess: there
//! are lower-case escapes, and a space has two.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::algorithms::SignatureAlgorithm;
use super::keys::{OwnKey, PeerKey};
use super::message::{Kind, Outgoing};
use super::names::ENCODING_DEFLATE;
use super::signature::CannotSign;
use super::xml::{self, MESSAGE};

/// Longest relay state of ours, in bytes (Bindings §3.4.3).
pub const RELAY_STATE_BYTES_MAX: usize = 80;
/// Longest relay state accepted from a peer and given back, in bytes.
pub const PEER_RELAY_STATE_BYTES_MAX: usize = 1024;
/// Longest query read, in bytes.
pub const QUERY_BYTES_MAX: usize = 64 * 1024;
/// How many times its size a message may grow by inflating, beyond a first KiB.
pub const INFLATE_RATIO_MAX: usize = 100;

/// Everything but letters, digits and `-._~` is escaped.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Why a query is not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RedirectFault {
    /// The query is too long.
    #[error("the query has more than {QUERY_BYTES_MAX} bytes")]
    TooLong,
    /// A parameter of the binding comes twice, or a request and a response at once.
    #[error("a parameter of the query comes twice")]
    Repeated,
    /// No message.
    #[error("the query has no SAML message")]
    NoMessage,
    /// Another encoding than DEFLATE.
    #[error("the message is encoded otherwise than by DEFLATE")]
    OtherEncoding,
    /// Escapes, base64, DEFLATE or UTF-8 are broken, or something follows.
    #[error("the message is not UTF-8 text in DEFLATE in base64")]
    Encoding,
    /// It inflates to too much.
    #[error("the message inflates to more than {} bytes or {INFLATE_RATIO_MAX} times its size", MESSAGE.bytes_max)]
    Bomb,
    /// The relay state is too long or no text.
    #[error("the relay state is not text of at most {PEER_RELAY_STATE_BYTES_MAX} bytes")]
    RelayState,
    /// A signature without an algorithm, or the other way round, or no base64.
    #[error("the query's signature is not a Signature with a SigAlg")]
    Signature,
}

impl RedirectFault {
    /// Every case.
    pub const ALL: &[RedirectFault] = &[
        RedirectFault::TooLong,
        RedirectFault::Repeated,
        RedirectFault::NoMessage,
        RedirectFault::OtherEncoding,
        RedirectFault::Encoding,
        RedirectFault::Bomb,
        RedirectFault::RelayState,
        RedirectFault::Signature,
    ];

    /// The stable name of the case.
    pub fn code(self) -> &'static str {
        match self {
            RedirectFault::TooLong => "redirect-too-long",
            RedirectFault::Repeated => "redirect-repeated",
            RedirectFault::NoMessage => "redirect-no-message",
            RedirectFault::OtherEncoding => "redirect-other-encoding",
            RedirectFault::Encoding => "redirect-encoding",
            RedirectFault::Bomb => "redirect-bomb",
            RedirectFault::RelayState => "redirect-relay-state",
            RedirectFault::Signature => "redirect-signature",
        }
    }
}

/// Why a message of ours is not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EncodeFault {
    /// The relay state is too long.
    #[error("the relay state has more than {PEER_RELAY_STATE_BYTES_MAX} bytes")]
    RelayState,
    /// It could not be compressed or signed.
    #[error("the message could not be encoded")]
    Message,
    /// It could not be signed.
    #[error(transparent)]
    Sign(#[from] CannotSign),
}

/// The URL that carries a message: `destination` with the parameters behind it, in the order that a signature
/// wants. The XML has no signature inside (Bindings §3.4.4.1).
pub fn encode(
    message: &Outgoing,
    destination: &str,
    relay_state: Option<&str>,
    key: Option<&OwnKey>,
) -> Result<String, EncodeFault> {
    if relay_state.is_some_and(|state| state.len() > PEER_RELAY_STATE_BYTES_MAX) {
        return Err(EncodeFault::RelayState);
    }
    let deflated = deflate(message.unsigned().as_bytes()).ok_or(EncodeFault::Message)?;
    let escaped = |text: &str| utf8_percent_encode(text, ESCAPED).to_string();
    let mut query = format!("{}={}", message.kind().parameter(), escaped(&STANDARD.encode(deflated)));
    if let Some(state) = relay_state {
        query.push_str("&RelayState=");
        query.push_str(&escaped(state));
    }
    if let Some(key) = key {
        query.push_str("&SigAlg=");
        query.push_str(&escaped(key.algorithm().uri()));
        let signature = key.sign(query.as_bytes()).ok_or(CannotSign)?;
        query.push_str("&Signature=");
        query.push_str(&escaped(&STANDARD.encode(signature)));
    }
    let joint = match destination {
        url if url.ends_with(['?', '&']) => "",
        url if url.contains('?') => "&",
        _ => "?",
    };
    Ok(format!("{destination}{joint}{query}"))
}

fn deflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len() + 64);
    let mut state = Compress::new(Compression::best(), false);
    while state
        .compress_vec(&bytes[usize::try_from(state.total_in()).ok()?..], &mut out, FlushCompress::Finish)
        .ok()?
        != Status::StreamEnd
    {
        out.reserve(out.capacity().max(64));
    }
    Some(out)
}

/// A message out of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectMessage {
    kind: Kind,
    xml: String,
    relay_state: Option<String>,
    signature: Option<QuerySignature>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct QuerySignature {
    algorithm: Option<SignatureAlgorithm>,
    signed: String,
    value: Vec<u8>,
}

impl RedirectMessage {
    /// Request or response.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The text of the message, not judged yet.
    pub fn xml(&self) -> &str {
        &self.xml
    }

    /// The relay state, not judged either.
    pub fn relay_state(&self) -> Option<&str> {
        self.relay_state.as_deref()
    }

    /// Whether the query has a signature, right or wrong.
    pub fn has_signature(&self) -> bool {
        self.signature.is_some()
    }

    /// Whether the query is signed with one of these keys, by an accepted algorithm.
    pub(super) fn signed_by(&self, keys: &[PeerKey]) -> Result<(), super::signature::SignatureFault> {
        use super::signature::SignatureFault as F;
        let signature = self.signature.as_ref().ok_or(F::Missing)?;
        let algorithm = signature.algorithm.ok_or(F::Algorithm)?;
        let verifies = |key: &PeerKey| key.verifies(algorithm, signature.signed.as_bytes(), &signature.value);
        if keys.iter().any(verifies) { Ok(()) } else { Err(F::Invalid) }
    }
}

/// Reads a query as it was received, without the question mark. Parameters of others are skipped.
pub fn decode(raw_query: &str) -> Result<RedirectMessage, RedirectFault> {
    use RedirectFault as F;
    if raw_query.len() > QUERY_BYTES_MAX {
        return Err(F::TooLong);
    }
    const NAMES: [&str; 6] =
        ["SAMLRequest", "SAMLResponse", "RelayState", "SigAlg", "Signature", "SAMLEncoding"];
    let mut raw: [Option<&str>; 6] = [None; 6];
    for pair in raw_query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        // A name in escapes is the name to a reader who decodes first, so it counts.
        let plain = decoded(name).ok_or(F::Encoding)?;
        if let Some(place) = NAMES.iter().position(|known| *known == plain)
            && (name != plain || raw[place].replace(value).is_some())
        {
            return Err(F::Repeated);
        }
    }
    let [request, response, relay_state, algorithm, signature, encoding] = raw;
    let (kind, message) = match (request, response) {
        (Some(_), Some(_)) => return Err(F::Repeated),
        (Some(message), None) => (Kind::Request, message),
        (None, Some(message)) => (Kind::Response, message),
        (None, None) => return Err(F::NoMessage),
    };
    if encoding.is_some_and(|uri| decoded(uri).as_deref() != Some(ENCODING_DEFLATE)) {
        return Err(F::OtherEncoding);
    }
    let signature = match (algorithm, signature) {
        (None, None) => None,
        (Some(algorithm), Some(value)) => {
            let uri = decoded(algorithm).ok_or(F::Signature)?;
            let value = xml::base64(&decoded(value).ok_or(F::Signature)?, 1024).map_err(|_| F::Signature)?;
            let mut signed = format!("{}={message}", kind.parameter());
            if let Some(state) = relay_state {
                signed.push_str("&RelayState=");
                signed.push_str(state);
            }
            signed.push_str("&SigAlg=");
            signed.push_str(algorithm);
            Some(QuerySignature { algorithm: SignatureAlgorithm::from_uri(&uri), signed, value })
        }
        _ => return Err(F::Signature),
    };
    let relay_state = match relay_state {
        None => None,
        Some(raw) => {
            let state = decoded(raw).ok_or(F::RelayState)?;
            if state.len() > PEER_RELAY_STATE_BYTES_MAX {
                return Err(F::RelayState);
            }
            Some(state.into_owned())
        }
    };
    let packed =
        xml::base64(&decoded(message).ok_or(F::Encoding)?, QUERY_BYTES_MAX).map_err(|_| F::Encoding)?;
    let xml = String::from_utf8(inflate(&packed)?).map_err(|_| F::Encoding)?;
    Ok(RedirectMessage { kind, xml, relay_state, signature })
}

/// A value without its escapes; a plus is a space.
fn decoded(raw: &str) -> Option<Cow<'_, str>> {
    let spaced: Cow<'_, str> = if raw.contains('+') { raw.replace('+', " ").into() } else { raw.into() };
    let bytes: Vec<u8> = percent_decode_str(&spaced).collect();
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// Inflates piece by piece, so that a bomb costs what it is allowed to and no more.
fn inflate(packed: &[u8]) -> Result<Vec<u8>, RedirectFault> {
    use RedirectFault as F;
    let room = packed.len().saturating_mul(INFLATE_RATIO_MAX).clamp(1024, MESSAGE.bytes_max);
    let mut state = Decompress::new(false);
    let mut out = Vec::new();
    let mut piece = [0u8; 8 * 1024];
    loop {
        let (read, written) = (state.total_in(), state.total_out());
        let rest = packed.get(usize::try_from(read).unwrap_or(usize::MAX)..).unwrap_or_default();
        let status = state.decompress(rest, &mut piece, FlushDecompress::None).map_err(|_| F::Encoding)?;
        let fresh = usize::try_from(state.total_out() - written).unwrap_or(0);
        out.extend_from_slice(&piece[..fresh]);
        if out.len() > room {
            return Err(F::Bomb);
        }
        match status {
            Status::StreamEnd if usize::try_from(state.total_in()) == Ok(packed.len()) => return Ok(out),
            Status::StreamEnd => return Err(F::Encoding),
            _ if fresh == 0 && state.total_in() == read => return Err(F::Encoding),
            _ => {}
        }
    }
}
