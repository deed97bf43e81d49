//! The authentication request: state, nonce, PKCE (protocol rows RP01, RP03).

use url::Url;

use super::OidcConnector;
use super::config::of_origin;
use crate::connector::{Begin, BeginRequest, Fault, Kept};
use crate::protocol::oauth::pkce;

/// Sends the browser away. Fails only when nothing at all is known of the provider.
pub(super) async fn begin(connector: &OidcConnector, request: &BeginRequest) -> Result<Begin, Fault> {
    let (url, kept) = address(connector, request).await?;
    Ok(Begin::Redirect { url: url.into(), kept })
}

/// The address of an authorization request, and what is kept until its answer.
pub(super) async fn address(
    connector: &OidcConnector,
    request: &BeginRequest,
) -> Result<(Url, Kept), Fault> {
    let known = connector.metadata.discovery().await.map_err(Fault::Unwell)?;
    let metadata = &known.0;
    let config = &connector.config;
    let redirect_uri = of_origin(config.callback_urls(), &request.origin)
        .ok_or(Fault::Unsupported("this connector has no callback address"))?;
    let nonce = connector.entropy.token();
    let mut kept = Kept::from([
        ("nonce".to_owned(), nonce.clone()),
        ("redirect_uri".to_owned(), redirect_uri.as_str().to_owned()),
        ("issuer".to_owned(), metadata.issuer.clone()),
    ]);
    let mut url: Url = metadata.authorization_endpoint.url().clone();
    {
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &config.oauth_client_id)
            .append_pair("redirect_uri", redirect_uri.as_str())
            .append_pair("scope", &config.scope())
            .append_pair("state", &request.state)
            .append_pair("nonce", &nonce);
        if !config.disable_pkce {
            let verifier = connector.entropy.token();
            query
                .append_pair("code_challenge", &pkce::challenge(&verifier))
                .append_pair("code_challenge_method", "S256");
            kept.insert("verifier".into(), verifier);
        }
        if request.force_login {
            query.append_pair("prompt", "login");
        }
        if let Some(max_age) = request.max_age {
            query.append_pair("max_age", &max_age.to_string());
        }
        for (name, value) in &config.oauth_extra_params {
            query.append_pair(name, value);
        }
    }
    Ok((url, kept))
}
