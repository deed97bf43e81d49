//! Logout at the provider (OpenID Connect RP-Initiated Logout), and its own announcements of one (Back-Channel
//! Logout): protocol rows RL01 and RL02.

use url::Url;

use super::OidcConnector;
use super::metadata::Purpose;
use super::config::of_origin;
use crate::connector::{Begin, Fault, Kept, LoggedOut, LogoutRequest, Once};
use crate::protocol::jose::key::NoKey;
use crate::protocol::jose::token::{ACCEPTED, TokenError};
use crate::protocol::oauth::Params;
use crate::protocol::oidc::VerifiedIdToken;
use crate::protocol::oidc::logout_token::{Expected, LogoutTokenError, verify_logout_token};

/// Largest ID token kept as a hint, in bytes: it stays in memory for as long as the session. Without a hint the
/// provider asks the person whether to sign out.
pub const HINT_BYTES_MAX: usize = 16 * 1024;
/// Longest address a browser is sent to, in bytes: servers refuse request lines beyond 8 KiB. What is longer is
/// posted, which a provider may see without its `SameSite=Lax` cookies, so only then.
pub const URL_BYTES_MAX: usize = 6 * 1024;

/// What a logout will need of a sign-in.
pub(super) fn keep(token: &VerifiedIdToken, text: &str) -> Kept {
    let mut kept = Kept::new();
    if text.len() <= HINT_BYTES_MAX {
        kept.insert("id_token".into(), text.to_owned());
    }
    if let Some(sid) = token.claims().get("sid").and_then(serde_json::Value::as_str) {
        kept.insert("sid".into(), sid.to_owned());
    }
    kept
}

/// The address that ends the session at the provider, with the way back where one is configured.
pub(super) async fn begin(connector: &OidcConnector, request: LogoutRequest<'_>) -> Result<Begin, Fault> {
    let known = connector.metadata.discovery().await.map_err(Fault::Unwell)?;
    let Some(endpoint) = &known.0.end_session_endpoint else {
        return Err(Fault::Unsupported("the provider offers no end_session_endpoint"));
    };
    let config = &connector.config;
    let mut fields: Vec<(String, String)> = Vec::new();
    let mut field = |name: &str, value: &str| fields.push((name.to_owned(), value.to_owned()));
    if let Some(hint) = request.session.get("id_token") {
        field("id_token_hint", hint);
    }
    field("client_id", &config.oauth_client_id);
    let mut kept = Kept::new();
    if let Some(back) = of_origin(config.logout_callback_urls(), request.origin) {
        field("post_logout_redirect_uri", back.as_str());
        field("state", request.state);
        kept.insert("redirect_uri".into(), back.as_str().to_owned());
        kept.insert("state".into(), request.state.to_owned());
    }
    let mut url: Url = endpoint.url().clone();
    url.query_pairs_mut().extend_pairs(&fields);
    if url.as_str().len() <= URL_BYTES_MAX {
        return Ok(Begin::Redirect { url: url.into(), kept });
    }
    Ok(Begin::FormPost { action: endpoint.url().to_string(), fields, kept })
}

/// The browser came back: the answer has nothing but the state (RP-Initiated Logout §3).
pub(super) fn complete(params: &Params, kept: &Kept) -> Result<(), Fault> {
    if params.count("state") == 1 && params.get("state") == kept.get("state").map(String::as_str) {
        Ok(())
    } else {
        Err(Fault::Rejected("the return from a logout has another state".into()))
    }
}

/// A logout token of the provider.
pub(super) async fn received(connector: &OidcConnector, params: &Params) -> Result<LoggedOut, Fault> {
    let token = params.get("logout_token").filter(|_| params.count("logout_token") == 1);
    let token = token.ok_or_else(|| Fault::Rejected("there is not exactly one `logout_token`".into()))?;
    let known = connector.metadata.discovery().await.map_err(Fault::Unwell)?;
    let expected = Expected {
        issuer: &known.0.issuer,
        client_id: &connector.config.oauth_client_id,
        now: connector.clock.unix(),
    };
    let keys = connector.metadata.keys(Purpose::Bearer).await.map_err(Fault::Unwell)?;
    let mut result = verify_logout_token(token, &keys.0, ACCEPTED, &expected);
    // An unknown key id leads to one new fetch of the keys (RM05).
    if let Err(LogoutTokenError::Token(TokenError::Key(NoKey::UnknownKid))) = result
        && let Some(newer) = connector.metadata.keys_after(Purpose::Bearer, &keys).await
    {
        result = verify_logout_token(token, &newer.0, ACCEPTED, &expected);
    }
    let verified = result.map_err(|error| Fault::Rejected(error.to_string()))?;
    Ok(LoggedOut {
        issuer: verified.issuer().to_owned(),
        subject: verified.subject().map(str::to_owned),
        sessions: verified.session().map(str::to_owned).into_iter().collect(),
        announcement: Once { id: verified.id().to_owned(), until: verified.until() },
        answer: None,
    })
}
