//! The answer: code to tokens, tokens to a verified identity.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::{ACCEPT, AUTHORIZATION};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::metadata::Purpose;
use super::{OidcConnector, logout};
use crate::connector::{CompleteRequest, Denial, Fault, Identity, Input};
use crate::health::{Reason, Unwell};
use crate::net::Fetch;
use crate::protocol::jose::key::NoKey;
use crate::protocol::jose::token::{ACCEPTED, TokenError};
use crate::protocol::oidc::id_token::{Expected, IdTokenError, VerifiedIdToken, verify_id_token};
use crate::protocol::oidc::{ProviderMetadata, claims};
use crate::protocol::strict_json;

/// Most bytes of all claims together.
pub const CLAIMS_BYTES_MAX: usize = 64 * 1024;
/// Before UserInfo, which changes nothing, is asked once more after a failure (row RM10), in milliseconds;
/// chance adds up to as much again.
const AGAIN_MILLIS: u64 = 100;

fn rejected<T>(words: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Rejected(words.into()))
}

/// Completes a sign-in (protocol rows RP04 to RP08, RV01 to RV11).
pub(super) async fn complete(
    connector: &OidcConnector,
    request: CompleteRequest<'_>,
) -> Result<Identity, Fault> {
    let params = match request.input {
        Input::Query(params) | Input::Form(params) => params,
        Input::Password { .. } => return rejected("this connector takes no passwords"),
    };
    if params.clone().unique().is_err() {
        return rejected("a parameter of the answer stands twice");
    }
    let kept = |name: &str| request.kept.get(name).map(String::as_str).unwrap_or_default();
    let known = connector.metadata.discovery().await.map_err(Fault::Unwell)?;
    let metadata = &known.0;
    // Mix-up defence (RFC 9207 §2.4): an answer that names another issuer belongs to another sign-in, be
    // it a success or an error.
    match params.get("iss") {
        Some(iss) if iss != kept("issuer") => return rejected("the answer names another issuer"),
        None if metadata.iss_parameter => return rejected("the answer names no issuer, which this provider promises"),
        _ => {}
    }
    if metadata.issuer != kept("issuer") {
        return rejected("the provider's issuer changed during the sign-in");
    }
    if let Some(error) = params.get("error") {
        return Err(match error {
            // Only a hint: anybody can write this into an address. A check of ours decides.
            "server_error" | "temporarily_unavailable" => {
                Fault::Unwell(Unwell::new(Reason::Status, format!("the provider answered `{error}`")))
            }
            _ => Fault::Denied(Denial::ByProvider),
        });
    }
    let Some(code) = params.get("code") else { return rejected("the answer has no code") };
    let tokens = redeem(connector, metadata, code, kept("redirect_uri"), request.kept.get("verifier")).await?;
    let id_token = tokens
        .get("id_token")
        .and_then(Value::as_str)
        .ok_or_else(|| Fault::Rejected("the token answer has no ID token".into()))?;
    let access_token = tokens.get("access_token").and_then(Value::as_str);
    let expected = Expected {
        issuer: &metadata.issuer,
        client_id: &connector.config.oauth_client_id,
        nonce: Some(kept("nonce")),
        access_token,
        authenticated_after: request.authenticated_after,
        now: connector.clock.unix(),
    };
    let verified = verify(connector, id_token, &expected).await?;
    let mut attributes = verified.claims().clone();
    let mut incomplete = None;
    if let (Some(endpoint), Some(access_token)) = (&metadata.userinfo_endpoint, access_token) {
        match userinfo(connector, endpoint, access_token).await {
            Ok(info) => {
                if info.get("sub").and_then(Value::as_str) != Some(verified.subject()) {
                    return rejected("UserInfo speaks of another person than the ID token");
                }
                // A claim that is null is none (Core §5.3.2), and takes no value of the ID token away.
                attributes.extend(info.into_iter().filter(|(_, value)| !value.is_null()));
            }
            // FM06: whether the ID token alone is enough shows when its attributes are mapped.
            Err(unwell) => {
                tracing::warn!(
                    event = "idp.userinfo.failed",
                    connector = connector.config.common.name,
                    reason = %unwell.reason,
                    "UserInfo failed; the claims of the ID token must be enough"
                );
                incomplete = Some(unwell);
            }
        }
    }
    // By null a session means a value that is not known; here it would be no value.
    attributes.retain(|name, value| !claims::is_protocol_claim(name) && !value.is_null());
    if attributes.len() > 512 || Value::Object(attributes.clone()).to_string().len() > CLAIMS_BYTES_MAX {
        return rejected(format!("the claims have more than {CLAIMS_BYTES_MAX} bytes"));
    }
    Ok(Identity {
        issuer: verified.issuer().to_owned(),
        subject: verified.subject().to_owned(),
        account: None,
        authenticated_at: verified.auth_time(),
        attributes,
        incomplete,
        once: None,
        until: None,
        kept: logout::keep(&verified, id_token),
    })
}

/// Redeems the code (RFC 6749 §4.1.3). A code is sent once: nothing here repeats the call.
async fn redeem(
    connector: &OidcConnector,
    metadata: &ProviderMetadata,
    code: &str,
    redirect_uri: &str,
    verifier: Option<&String>,
) -> Result<Map<String, Value>, Fault> {
    let config = &connector.config;
    let mut fields =
        vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)];
    if let Some(verifier) = verifier {
        fields.push(("code_verifier", verifier));
    }
    let mut basic = None;
    match &connector.client_secret {
        Some(secret) if metadata.client_secret_basic => {
            // RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
            let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
            let joined = format!("{}:{}", encode(&config.oauth_client_id), encode(secret.expose()));
            let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(joined)))
                .map_err(|_| Fault::Rejected("the client secret cannot be sent".into()))?;
            value.set_sensitive(true);
            basic = Some(value);
        }
        Some(secret) => {
            fields.push(("client_id", &config.oauth_client_id));
            fields.push(("client_secret", secret.expose()));
        }
        None => fields.push(("client_id", &config.oauth_client_id)),
    }
    let mut fetch = Fetch::post_form(metadata.token_endpoint.clone(), &fields)
        .header(ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(basic) = basic {
        fetch = fetch.header(AUTHORIZATION, basic);
    }
    let answer = connector.client.fetch(fetch).await.map_err(|e| Fault::Unwell(e.into()))?;
    match answer.status {
        200 => {}
        500..=599 | 429 => {
            let words = format!("the token endpoint answered {}", answer.status);
            return Err(Fault::Unwell(Unwell::new(Reason::Status, words)));
        }
        status => {
            let error = strict_json::object(&answer.body)
                .and_then(|body| body.get("error")?.as_str().map(str::to_owned))
                .filter(|e| e.len() <= 64 && e.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
                .unwrap_or_else(|| "no error code".into());
            return rejected(format!("the token endpoint answered {status} ({error})"));
        }
    }
    let tokens = strict_json::object(&answer.body)
        .ok_or_else(|| Fault::Rejected("the token answer is not a JSON object".into()))?;
    let bearer =
        tokens.get("token_type").and_then(Value::as_str).is_some_and(|t| t.eq_ignore_ascii_case("bearer"));
    if !bearer {
        return rejected("the token answer has not the type Bearer");
    }
    Ok(tokens)
}

/// Verifies the ID token; an unknown key id leads to one new fetch of the keys (RM05).
async fn verify(
    connector: &OidcConnector,
    token: &str,
    expected: &Expected<'_>,
) -> Result<VerifiedIdToken, Fault> {
    let keys = connector.metadata.keys(Purpose::CodeFlow).await.map_err(Fault::Unwell)?;
    match verify_id_token(token, &keys.0, ACCEPTED, expected) {
        Err(IdTokenError::Token(TokenError::Key(NoKey::UnknownKid))) => {
            let newer = connector.metadata.keys_after(Purpose::CodeFlow, &keys).await;
            match newer {
                Some(newer) => verify_id_token(token, &newer.0, ACCEPTED, expected)
                    .or_else(|error| rejected(error.to_string())),
                None => rejected("the ID token is signed with a key the provider does not publish"),
            }
        }
        result => result.or_else(|error| rejected(error.to_string())),
    }
}

async fn userinfo(
    connector: &OidcConnector,
    endpoint: &crate::value::WebUrl,
    access_token: &str,
) -> Result<Map<String, Value>, Unwell> {
    let mut bearer = HeaderValue::try_from(format!("Bearer {access_token}"))
        .map_err(|_| Unwell::new(Reason::NotHttp, "the access token cannot be sent"))?;
    bearer.set_sensitive(true);
    let fetch = Fetch::get(endpoint.clone())
        .header(AUTHORIZATION, bearer)
        .header(ACCEPT, HeaderValue::from_static("application/json"))
        .once_more_after(Duration::from_millis(AGAIN_MILLIS + connector.entropy.below(AGAIN_MILLIS)));
    let answer = connector.client.fetch(fetch).await?;
    if answer.status != 200 {
        return Err(Unwell::new(Reason::Status, format!("UserInfo answered {}", answer.status)));
    }
    strict_json::object(&answer.body).ok_or_else(|| Unwell::new(Reason::NotJson, "UserInfo is not a JSON object"))
}
