//! Fields of the OIDC family.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::facts::{Facts, Protocol};
use super::super::{CallbackAddress, Connector, IdpConfig, Opening, Section};
use crate::config::connectors::Common;
use crate::config::{codes, yaml};
use crate::diag::Diagnostic;
use crate::protocol::oidc::discovery::{ExpectedIssuer, issuer_of_well_known};
use crate::value::{SecretText, WebUrl};

/// The values of `type` in the family; they differ in documentation and in what lint infers.
pub const TYPE_NAMES: &[&str] =
    &["oidc", "azure", "okta", "pingfederate", "auth0", "adfs", "cognito", "wso2", "hypr", "onekosmos"];

/// Parameters that are ours to set.
const OWN_PARAMS: &[&str] = &[
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "response_mode",
    "request",
    "request_uri",
    "prompt",
    "max_age",
];

/// A connector of the OIDC family.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "OidcConnector")]
pub struct Config {
    /// The envelope.
    #[serde(flatten)]
    pub common: Common,
    /// OpenID discovery or RFC 8414 document.
    #[serde(rename = "oidcWellKnownURL")]
    pub oidc_well_known_url: WebUrl,
    /// Our client id at the provider.
    #[serde(rename = "oauthClientID")]
    #[schemars(length(min = 1))]
    pub oauth_client_id: String,
    /// Our client secret; a public client without it.
    pub oauth_client_secret: Option<SecretText>,
    /// Callback.
    #[serde(rename = "oauthRedirectURL")]
    pub oauth_redirect_url: Option<WebUrl>,
    /// Several callbacks; the one with the origin of the request is sent.
    pub oauth_login_redirect: Option<UrlList>,
    /// Return after logout at the provider.
    #[serde(rename = "oidcLogoutCallbackURL")]
    pub oidc_logout_callback_url: Option<WebUrl>,
    /// Several returns after logout; the one with the origin of the request is sent.
    pub oauth_logout_redirect: Option<UrlList>,
    /// Where the provider announces that a session ended there (OpenID Connect Back-Channel Logout).
    #[serde(rename = "oidcBackchannelLogoutURL")]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub oidc_backchannel_logout_url: Option<WebUrl>,
    /// Scopes, separated by blanks; `openid` is added if missing.
    #[serde(default = "default_scopes")]
    pub scopes: String,
    /// No PKCE, for a provider that breaks on it.
    #[serde(default, rename = "disablePKCE")]
    pub disable_pkce: bool,
    /// Adds `offline_access`.
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub offline_access: Option<OfflineAccess>,
    /// Further parameters of the authorization request.
    #[serde(default)]
    pub oauth_extra_params: BTreeMap<String, String>,
    /// Exact issuer to require, where it is not the one the address says.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub oidc_issuer: Option<String>,
    /// `oidc`, or `saml` for `azure`.
    pub auth_type: Option<AuthType>,
    /// Microsoft Graph.
    #[serde(rename = "graphURL")]
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub graph_url: Option<WebUrl>,
    /// Microsoft Graph.
    #[serde(rename = "oauthTokenURL")]
    #[schemars(extend("x-maverics" = {"status": "later"}))]
    pub oauth_token_url: Option<WebUrl>,
}

fn default_scopes() -> String {
    "openid profile email".into()
}

/// Whether the provider is asked for a refresh token.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct OfflineAccess {
    /// Adds `offline_access` and keeps the refresh token in the session.
    pub enabled: bool,
}

fn one_or_list<'a>(one: Option<&'a WebUrl>, list: Option<&'a UrlList>) -> &'a [WebUrl] {
    match (one, list) {
        (Some(one), _) => std::slice::from_ref(one),
        (None, Some(list)) => &list.urls,
        (None, None) => &[],
    }
}

/// The address with the origin of the request, else the first (language reference 5.6).
pub(super) fn of_origin<'a>(urls: &'a [WebUrl], origin: &str) -> Option<&'a WebUrl> {
    urls.iter().find(|url| url.url().origin().ascii_serialization() == origin).or(urls.first())
}

/// Several addresses.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
pub struct UrlList {
    /// In order; the first is used when none has the request's origin.
    #[schemars(length(min = 1))]
    pub urls: Vec<WebUrl>,
}

/// Protocol of an `azure` connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum AuthType {
    Oidc,
    Saml,
}

impl Config {
    /// All callbacks, in order.
    pub fn callback_urls(&self) -> &[WebUrl] {
        one_or_list(self.oauth_redirect_url.as_ref(), self.oauth_login_redirect.as_ref())
    }

    /// All returns after logout, in order.
    pub fn logout_callback_urls(&self) -> &[WebUrl] {
        one_or_list(self.oidc_logout_callback_url.as_ref(), self.oauth_logout_redirect.as_ref())
    }

    /// Scopes with `openid`.
    pub fn scope(&self) -> String {
        let mut scopes: Vec<&str> = self.scopes.split_whitespace().collect();
        if !scopes.contains(&"openid") {
            scopes.insert(0, "openid");
        }
        scopes.join(" ")
    }

    /// The issuer its discovery document must announce. `None` when the address does not say and
    /// `oidcIssuer` is not given, which `check` reports.
    pub fn expected_issuer(&self) -> Option<ExpectedIssuer> {
        if let Some(issuer) = &self.oidc_issuer {
            return Some(ExpectedIssuer::Exact(issuer.clone()));
        }
        let host = self.oidc_well_known_url.host();
        if self.common.kind == "azure" && host.ends_with(".b2clogin.com") {
            return Some(ExpectedIssuer::SameHost(host.to_owned()));
        }
        issuer_of_well_known(&self.oidc_well_known_url).map(ExpectedIssuer::Exact)
    }

    /// Faults between fields.
    pub(super) fn check(&self, section: &mut Section<'_>) {
        let at = |key: &str| yaml::child(section.pointer, key);
        let document = section.document;
        let mut urls = vec![("oidcWellKnownURL".to_owned(), &self.oidc_well_known_url)];
        if let Some(url) = &self.oauth_redirect_url {
            urls.push(("oauthRedirectURL".into(), url));
        }
        if let Some(url) = &self.oidc_logout_callback_url {
            urls.push(("oidcLogoutCallbackURL".into(), url));
        }
        if let Some(url) = &self.oidc_backchannel_logout_url {
            urls.push(("oidcBackchannelLogoutURL".into(), url));
        }
        for (key, list) in [
            ("oauthLoginRedirect", &self.oauth_login_redirect),
            ("oauthLogoutRedirect", &self.oauth_logout_redirect),
        ] {
            for (i, url) in list.iter().flat_map(|l| &l.urls).enumerate() {
                urls.push((format!("{key}/urls/{i}"), url));
            }
        }
        for (key, url) in urls {
            if !section.plain.permits(url) {
                section
                    .findings
                    .push(codes::plain_http(url).at(document.value(&format!("{}/{key}", section.pointer))));
            }
        }
        let pairs = [
            ("oauthRedirectURL", &self.oauth_redirect_url, "oauthLoginRedirect", &self.oauth_login_redirect),
            (
                "oidcLogoutCallbackURL",
                &self.oidc_logout_callback_url,
                "oauthLogoutRedirect",
                &self.oauth_logout_redirect,
            ),
        ];
        for (one, single, many, list) in pairs {
            if single.is_none() || list.is_none() {
                continue;
            }
            section.findings.push(
                Diagnostic::new(&codes::ALIAS_CONFLICT, format!("`{one}` and `{many}` both name callbacks"))
                    .at(document.key(&at(many)))
                    .also(document.key(&at(one)), "the single callback")
                    .help("Keep one: a single address, or the list."),
            );
        }
        if self.expected_issuer().is_none() {
            section.findings.push(
                Diagnostic::new(
                    &codes::MISSING_KEY,
                    "the address of the discovery document does not say whose it is",
                )
                .at(document.value(&at("oidcWellKnownURL")))
                .help("End it in `/.well-known/openid-configuration`, or name the issuer in `oidcIssuer`."),
            );
        }
        for name in self.oauth_extra_params.keys().filter(|name| OWN_PARAMS.contains(&name.as_str())) {
            section.findings.push(
                Diagnostic::new(&codes::BAD_VALUE, format!("`{name}` is set by the sign-in itself"))
                    .at(document.key(&yaml::child(&at("oauthExtraParams"), name)))
                    .help("Remove it."),
            );
        }
    }
}

impl IdpConfig for Config {
    fn common(&self) -> &Common {
        &self.common
    }

    fn facts(&self) -> Facts {
        let custom = self.common.health_check.as_ref().and_then(|c| c.custom_endpoint.as_ref());
        Facts {
            protocol: Protocol::Oidc,
            hosts: vec![self.oidc_well_known_url.host().to_owned()],
            issuer: match self.expected_issuer() {
                Some(ExpectedIssuer::Exact(issuer)) => Some(issuer),
                _ => None,
            },
            client_id: Some(self.oauth_client_id.clone()),
            health_address: Some(
                custom.map_or(self.oidc_well_known_url.as_str(), |c| c.endpoint.as_str()).to_owned(),
            ),
            address: Some(self.oidc_well_known_url.as_str().to_owned()),
            address_key: "oidcWellKnownURL",
        }
    }

    fn secrets(&self) -> Vec<(&'static str, &SecretText)> {
        let mut secrets: Vec<_> =
            self.oauth_client_secret.iter().map(|secret| ("oauthClientSecret", secret)).collect();
        secrets.extend(self.common.custom_headers());
        secrets
    }

    fn callbacks(&self) -> Vec<CallbackAddress> {
        self.callback_urls().iter().cloned().map(CallbackAddress::Url).collect()
    }

    fn logout_callbacks(&self) -> Vec<WebUrl> {
        self.logout_callback_urls().to_vec()
    }

    fn logout_receiver(&self) -> Option<&WebUrl> {
        self.oidc_backchannel_logout_url.as_ref()
    }

    fn can_sign_in(&self) -> Result<(), &'static str> {
        if self.callback_urls().is_empty() { Err("oauthRedirectURL") } else { Ok(()) }
    }

    fn open(self: Arc<Self>, opening: &Opening<'_>) -> Result<Arc<dyn Connector>, String> {
        super::OidcConnector::open(self, opening)
    }
}
