//! `singleLogout`, and `logout` of a proxied application.

use schemars::JsonSchema;
use serde::Deserialize;

use super::hook::Hook;
use super::section::UrlOrPath;
use crate::value::WebUrl;

/// Ending the session here and at every provider of it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SingleLogout {
    /// Where people go to log out. A visit from pages of ours or by hand signs out at once; from another site a page
    /// asks first, and images and frames do nothing.
    #[serde(rename = "logoutURL")]
    pub logout_url: UrlOrPath,
    /// What follows.
    pub post_logout: Option<PostSingleLogout>,
    /// Second spelling of `postLogout.redirectURL`.
    #[serde(rename = "postLogoutRedirectURL")]
    #[schemars(extend("x-maverics" = {"status": "alias", "of": "postLogout.redirectURL"}))]
    pub post_logout_redirect_url: Option<WebUrl>,
    /// Hook.
    #[serde(rename = "postLogoutSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `postLogout.redirectURL`."}))]
    pub post_logout_se: Option<Hook>,
}

/// What follows a single logout.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PostSingleLogout {
    /// Where people are sent; a plain page without it.
    #[serde(rename = "redirectURL")]
    pub redirect_url: Option<WebUrl>,
    /// Hook.
    #[serde(rename = "postLogoutSE")]
    #[schemars(extend("x-maverics" = {"status": "later", "instead": "Use `redirectURL`."}))]
    pub post_logout_se: Option<Hook>,
}

/// Ending the session when the application's own logout is visited.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct AppLogout {
    /// The application's own logout. The address is answered here, not by the application.
    #[serde(rename = "logoutURL")]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub logout_url: Option<UrlOrPath>,
    /// What follows.
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub post_logout: Option<PostLogout>,
}

/// What follows a logout.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct PostLogout {
    /// Where people are sent; a plain page without it.
    #[serde(rename = "redirectURL")]
    #[schemars(extend("x-maverics" = {"status": "ours"}))]
    pub redirect_url: Option<WebUrl>,
}
