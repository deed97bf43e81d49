//! The authentication request (OpenID Connect Core §3.1.2.1) as a provider reads it.

use serde::{Deserialize, Serialize};

use crate::protocol::oauth::{OAuthError, Params, pkce};

/// Longest `state` kept and given back.
pub const STATE_BYTES_MAX: usize = 2048;
/// Longest `nonce`.
pub const NONCE_BYTES_MAX: usize = 512;

/// How the answer travels back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub enum ResponseMode {
    /// In the query of a redirect.
    #[default]
    Query,
    /// In a form the browser posts (OAuth 2.0 Form Post Response Mode).
    FormPost,
}

/// What the relying party asks about interaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct Prompt {
    /// No page may be shown.
    pub none: bool,
    /// The person must authenticate again.
    pub login: bool,
}

/// A request whose client and redirect URI were already found good. What is wrong with the rest is answered
/// by redirect, so it is an error value here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthnRequest {
    /// The client.
    pub client_id: String,
    /// Where the answer goes.
    pub redirect_uri: String,
    /// Scopes as asked.
    pub scope: String,
    /// Given back byte for byte.
    pub state: Option<String>,
    /// Copied into the ID token.
    pub nonce: Option<String>,
    /// S256 challenge.
    pub challenge: Option<String>,
    /// How the answer travels.
    pub mode: ResponseMode,
    /// Interaction.
    pub prompt: Prompt,
    /// Oldest acceptable authentication, in seconds.
    pub max_age: Option<u64>,
}

/// A fault to be sent back to the relying party.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestFault {
    /// The code.
    pub error: OAuthError,
    /// Our own words, ASCII.
    pub description: &'static str,
}

fn fault<T>(error: OAuthError, description: &'static str) -> Result<T, RequestFault> {
    Err(RequestFault { error, description })
}

/// The response mode and state of a request, readable even when the rest is faulty, so that the fault can be
/// answered the way the client expects.
pub fn answer_route(params: &Params) -> (ResponseMode, Option<String>) {
    let mode = match params.get("response_mode") {
        Some("form_post") => ResponseMode::FormPost,
        _ => ResponseMode::Query,
    };
    let state = params.get("state").filter(|s| s.len() <= STATE_BYTES_MAX && params.count("state") == 1);
    (mode, state.map(str::to_owned))
}

impl AuthnRequest {
    /// Reads the parameters after `client_id` and `redirect_uri` were checked. `require_pkce` is the
    /// client's setting.
    pub fn read(params: &Params, redirect_uri: &str, require_pkce: bool) -> Result<Self, RequestFault> {
        use OAuthError as E;
        if params.clone().unique().is_err() {
            return fault(E::InvalidRequest, "a parameter stands twice");
        }
        for (name, error) in [
            ("request", E::RequestNotSupported),
            ("request_uri", E::RequestUriNotSupported),
            ("registration", E::RegistrationNotSupported),
        ] {
            if params.get(name).is_some() {
                return fault(error, "this parameter is not supported");
            }
        }
        match params.get("response_type") {
            Some("code") => {}
            None => return fault(E::InvalidRequest, "response_type is missing"),
            Some(_) => return fault(E::UnsupportedResponseType, "only response_type=code is supported"),
        }
        let mode = match params.get("response_mode") {
            None | Some("query") => ResponseMode::Query,
            Some("form_post") => ResponseMode::FormPost,
            Some(_) => return fault(E::InvalidRequest, "response_mode must be query or form_post"),
        };
        if params.get("state").is_some_and(|s| s.len() > STATE_BYTES_MAX) {
            return fault(E::InvalidRequest, "state is too long");
        }
        if params.get("nonce").is_some_and(|n| n.len() > NONCE_BYTES_MAX) {
            return fault(E::InvalidRequest, "nonce is too long");
        }
        let challenge = match (params.get("code_challenge"), params.get("code_challenge_method")) {
            (None, None) if require_pkce => return fault(E::InvalidRequest, "code_challenge is required"),
            (None, None) => None,
            (Some(challenge), Some("S256")) if pkce::is_challenge(challenge) => Some(challenge.to_owned()),
            _ => return fault(E::InvalidRequest, "code_challenge must be S256"),
        };
        let mut prompt = Prompt::default();
        for value in params.get("prompt").unwrap_or_default().split(' ').filter(|p| !p.is_empty()) {
            match value {
                "none" => prompt.none = true,
                "login" => prompt.login = true,
                // There is no consent page and one account per browser session, so both are satisfied.
                "consent" | "select_account" => {}
                _ => return fault(E::InvalidRequest, "unknown prompt value"),
            }
        }
        if prompt.none && params.get("prompt") != Some("none") {
            return fault(E::InvalidRequest, "prompt=none stands alone");
        }
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let max_age =
            match params.get("max_age").map(|text| text.parse::<u64>().ok().filter(|_| digits(text))) {
                None => None,
                Some(Some(seconds)) => Some(seconds),
                Some(None) => return fault(E::InvalidRequest, "max_age must be a number of seconds"),
            };
        Ok(AuthnRequest {
            client_id: params.get("client_id").unwrap_or_default().to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            scope: params.get("scope").unwrap_or_default().to_owned(),
            state: params.get("state").map(str::to_owned),
            nonce: params.get("nonce").map(str::to_owned),
            challenge,
            mode,
            prompt,
            max_age,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str, require_pkce: bool) -> Result<AuthnRequest, &'static str> {
        AuthnRequest::read(&Params::parse(query).unwrap(), "https://rp/cb", require_pkce)
            .map_err(|f| f.error.code())
    }

    #[test]
    fn faults_have_their_codes() {
        let c = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
        for (query, pkce, want) in [
            ("response_type=code&scope=openid".to_owned(), false, Ok(())),
            (format!("response_type=code&code_challenge={c}&code_challenge_method=S256"), true, Ok(())),
            ("response_type=code".into(), true, Err("invalid_request")),
            (format!("response_type=code&code_challenge={c}"), true, Err("invalid_request")),
            (
                format!("response_type=code&code_challenge={c}&code_challenge_method=plain"),
                false,
                Err("invalid_request"),
            ),
            (
                "response_type=code&code_challenge=short&code_challenge_method=S256".into(),
                false,
                Err("invalid_request"),
            ),
            ("scope=openid".into(), false, Err("invalid_request")),
            ("response_type=token".into(), false, Err("unsupported_response_type")),
            ("response_type=code&response_mode=fragment".into(), false, Err("invalid_request")),
            ("response_type=code&prompt=none%20login".into(), false, Err("invalid_request")),
            ("response_type=code&prompt=dance".into(), false, Err("invalid_request")),
            ("response_type=code&max_age=-1".into(), false, Err("invalid_request")),
            ("response_type=code&max_age=%2B1".into(), false, Err("invalid_request")),
            ("response_type=code&request=x".into(), false, Err("request_not_supported")),
            ("response_type=code&request_uri=x".into(), false, Err("request_uri_not_supported")),
            ("response_type=code&scope=a&scope=b".into(), false, Err("invalid_request")),
            (format!("response_type=code&state={}", "x".repeat(2049)), false, Err("invalid_request")),
            ("response_type=code&extra=foobar&ui_locales=se&acr_values=x".into(), false, Ok(())),
        ] {
            assert_eq!(read(&query, pkce).map(|_| ()), want, "{query}");
        }
    }
}
