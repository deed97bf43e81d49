//! `upstreamLogin`: signing people in to a proxied application with a credential made for one use.

use schemars::JsonSchema;
use serde::Deserialize;

use super::hook::Hook;
use super::schema::{one_of, when};
use crate::value::Duration;

/// Signing people in to the upstream.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(extend("allOf" = [
    one_of(&["type", "loginSE", "isLoggedInSE"]),
    when("type", "form", &["oneTimeCredential", "form"]),
    when("type", "basic", &["oneTimeCredential"]),
]))]
pub struct UpstreamLogin {
    /// How the credential is given to the upstream.
    #[serde(rename = "type")]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub kind: Option<UpstreamLoginKind>,
    /// The credential.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub one_time_credential: Option<OneTimeCredential>,
    /// The form; needed for `type: form`.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub form: Option<LoginForm>,
    /// Hook.
    #[serde(rename = "isLoggedInSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `upstreamLogin.type`."}))]
    pub is_logged_in_se: Option<Hook>,
    /// Hook.
    #[serde(rename = "loginSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `upstreamLogin.type`."}))]
    pub login_se: Option<Hook>,
}

/// How a credential is given to the upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UpstreamLoginKind {
    /// Posted as a form.
    Form,
    /// HTTP Basic.
    Basic,
}

/// A credential for one use.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OneTimeCredential {
    /// Path of the attribute that is its user name.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub username_mapping: String,
    /// Where it is kept; shared when `ldapProvider` runs elsewhere.
    #[schemars(extend("x-maverics" = {"status": "ours"}, "x-maverics-name" = "cache"))]
    pub cache: Option<String>,
    /// At most 5m; 60s without it.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub lifetime: Option<Duration>,
}

/// The upstream's login form.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LoginForm {
    /// Path posted to before the first request of a session.
    #[schemars(regex(pattern = r"^/[^\s#]*$"), example = &"/login", extend("x-maverics" = {"status": "ours"}))]
    pub url: String,
    /// Field of the user name; `username` without it.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub username_field: Option<String>,
    /// Field of the password; `password` without it.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub password_field: Option<String>,
    /// The upstream's session cookie.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub session_cookie: String,
}
