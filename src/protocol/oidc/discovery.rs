//! Provider metadata (OpenID Connect Discovery §3, RFC 8414 §2): read with care, and written without lies.

use serde_json::{Value, json};

use crate::protocol::jose::token::Alg;
use crate::protocol::oauth::scope;
use crate::protocol::strict_json;
use crate::value::WebUrl;

/// Largest document read.
pub const DOCUMENT_BYTES_MAX: usize = 256 * 1024;

/// What we need of a provider's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderMetadata {
    /// Byte for byte.
    pub issuer: String,
    /// Where browsers are sent.
    pub authorization_endpoint: WebUrl,
    /// Where codes are redeemed.
    pub token_endpoint: WebUrl,
    /// Where keys are.
    pub jwks_uri: WebUrl,
    /// Where claims are asked for.
    pub userinfo_endpoint: Option<WebUrl>,
    /// Where people are sent to sign out.
    pub end_session_endpoint: Option<WebUrl>,
    /// Whether Basic authentication of the client is offered.
    pub client_secret_basic: bool,
    /// Whether authorization answers carry `iss` (RFC 9207 §3).
    pub iss_parameter: bool,
}

/// Why a document is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoveryError {
    /// Not one JSON object.
    #[error("the discovery document is not a JSON object")]
    NotJson,
    /// It announces another issuer (Discovery §4.3).
    #[error("the discovery document announces the issuer `{announced}`, expected `{expected}`")]
    Issuer {
        /// What it says, shortened.
        announced: String,
        /// What it must say.
        expected: String,
    },
    /// An endpoint is missing or not usable.
    #[error("the discovery document: {0}")]
    Endpoint(String),
}

/// Which issuer a document must announce.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExpectedIssuer {
    /// Exactly this one.
    Exact(String),
    /// Any on this host (Azure B2C, whose documents announce an address by tenant id).
    SameHost(String),
}

/// The issuer that a well-known address belongs to (Discovery §4.1; RFC 8414 §3.1 with path insertion).
pub fn issuer_of_well_known(url: &WebUrl) -> Option<String> {
    let text = url.as_str();
    if let Some(issuer) = text.strip_suffix("/.well-known/openid-configuration") {
        return Some(issuer.to_owned());
    }
    for marker in ["/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"] {
        if let Some((origin, path)) = text.split_once(marker) {
            return Some(format!("{origin}{path}"));
        }
    }
    None
}

impl ProviderMetadata {
    /// Reads a document. Unknown members are ignored; a member of the wrong type counts as absent.
    pub fn parse(bytes: &[u8], expected: &ExpectedIssuer) -> Result<Self, DiscoveryError> {
        let document = strict_json::object(bytes).ok_or(DiscoveryError::NotJson)?;
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        let issuer = text("issuer").unwrap_or_default().to_owned();
        let matches = match expected {
            // A trailing slash is part of some issuers' names and of the address they are derived from.
            ExpectedIssuer::Exact(expected) => {
                issuer == *expected || issuer.strip_suffix('/') == Some(expected)
            }
            ExpectedIssuer::SameHost(host) => WebUrl::parse(&issuer).is_ok_and(|i| i.host() == host),
        };
        if !matches {
            return Err(DiscoveryError::Issuer {
                announced: issuer.chars().filter(|c| !c.is_control()).take(200).collect(),
                expected: match expected {
                    ExpectedIssuer::Exact(issuer) | ExpectedIssuer::SameHost(issuer) => issuer.clone(),
                },
            });
        }
        let own = WebUrl::parse(&issuer).ok();
        let secure = own.as_ref().is_some_and(WebUrl::is_https);
        let endpoint = |name: &str| -> Result<Option<WebUrl>, DiscoveryError> {
            let Some(text) = text(name) else { return Ok(None) };
            let url = WebUrl::parse(text)
                .map_err(|_| DiscoveryError::Endpoint(format!("`{name}` is not an absolute URL")))?;
            // A provider on plain http is one on loopback or allowed by name; its endpoints stay where it is.
            let at_home = own.as_ref().is_some_and(|own| own.host() == url.host());
            if !url.is_https() && (secure || !(url.may_be_plain() || at_home)) {
                return Err(DiscoveryError::Endpoint(format!("`{name}` is not https")));
            }
            Ok(Some(url))
        };
        let required = |name: &str| {
            endpoint(name)?.ok_or_else(|| DiscoveryError::Endpoint(format!("there is no `{name}`")))
        };
        let methods = document.get("token_endpoint_auth_methods_supported").and_then(Value::as_array);
        Ok(ProviderMetadata {
            authorization_endpoint: required("authorization_endpoint")?,
            token_endpoint: required("token_endpoint")?,
            jwks_uri: required("jwks_uri")?,
            userinfo_endpoint: endpoint("userinfo_endpoint")?,
            end_session_endpoint: endpoint("end_session_endpoint")?,
            // Basic is the default where nothing is said (Discovery §3).
            client_secret_basic: methods.is_none_or(|m| m.iter().any(|m| m == "client_secret_basic")),
            iss_parameter: document
                .get("authorization_response_iss_parameter_supported")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            issuer,
        })
    }
}

/// What our own provider says of itself.
#[derive(Debug, Clone)]
pub struct OwnMetadata<'a> {
    /// Issuer, byte for byte.
    pub issuer: &'a str,
    /// Authorization endpoint.
    pub auth: &'a str,
    /// Token endpoint.
    pub token: &'a str,
    /// Key set.
    pub jwks: &'a str,
    /// UserInfo endpoint.
    pub userinfo: &'a str,
    /// RP-initiated logout.
    pub end_session: &'a str,
    /// Scopes besides the standard ones.
    pub custom_scopes: Vec<String>,
    /// Claims that some app maps.
    pub claims: Vec<String>,
    /// Signing algorithms, the signer's first.
    pub algs: Vec<Alg>,
}

impl OwnMetadata<'_> {
    /// The document (Discovery §3). `request_uri_parameter_supported` is written out because its default is
    /// true; everything listed is something a flow test uses.
    pub fn document(&self) -> Value {
        let mut scopes: Vec<String> = scope::STANDARD.iter().map(|s| (*s).to_owned()).collect();
        scopes.extend(self.custom_scopes.iter().cloned());
        let mut algs: Vec<&str> = self.algs.iter().map(|a| a.name()).collect();
        algs.dedup();
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": self.auth,
            "token_endpoint": self.token,
            "jwks_uri": self.jwks,
            "userinfo_endpoint": self.userinfo,
            "end_session_endpoint": self.end_session,
            "backchannel_logout_supported": true,
            "backchannel_logout_session_supported": true,
            "scopes_supported": scopes,
            "claims_supported": self.claims,
            "response_types_supported": ["code"],
            "response_modes_supported": ["query", "form_post"],
            "grant_types_supported": ["authorization_code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": algs,
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": true,
            "claims_parameter_supported": false,
            "request_parameter_supported": false,
            "request_uri_parameter_supported": false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        json!({"issuer":"https://idp.example.com","authorization_endpoint":"https://idp.example.com/a",
               "token_endpoint":"https://idp.example.com/t","jwks_uri":"https://idp.example.com/k"})
    }

    fn parse(document: &Value) -> Result<ProviderMetadata, DiscoveryError> {
        let expected = ExpectedIssuer::Exact("https://idp.example.com".into());
        ProviderMetadata::parse(document.to_string().as_bytes(), &expected)
    }

    #[test]
    fn a_minimal_document_is_enough() {
        let metadata = parse(&document()).unwrap();
        assert!(
            metadata.client_secret_basic && !metadata.iss_parameter && metadata.userinfo_endpoint.is_none()
        );
    }

    #[test]
    fn what_is_not_used() {
        let with = |name: &str, value: Value| {
            let mut document = document();
            document[name] = value;
            parse(&document).unwrap_err().to_string()
        };
        assert!(with("issuer", json!("https://evil.example.com")).contains("announces"));
        assert!(with("issuer", json!("https://idp.example.com.evil.com")).contains("announces"));
        assert!(with("token_endpoint", json!("http://idp.example.com/t")).contains("not https"));
        assert!(with("jwks_uri", json!(7)).contains("no `jwks_uri`"));
        assert!(with("authorization_endpoint", json!("/a")).contains("absolute"));
        let expected = ExpectedIssuer::Exact("https://idp.example.com".into());
        assert_eq!(ProviderMetadata::parse(b"<html>", &expected), Err(DiscoveryError::NotJson));
    }

    #[test]
    fn well_known_addresses_name_their_issuer() {
        for (url, issuer) in [
            ("https://a/.well-known/openid-configuration", Some("https://a")),
            ("https://a/realms/x/.well-known/openid-configuration", Some("https://a/realms/x")),
            ("https://a/.well-known/oauth-authorization-server/x", Some("https://a/x")),
            ("https://a/something", None),
        ] {
            assert_eq!(issuer_of_well_known(&WebUrl::parse(url).unwrap()).as_deref(), issuer, "{url}");
        }
    }
}
