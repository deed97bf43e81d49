//! Applications, linked.

use http::HeaderName;
use regex::Regex;

use super::rules::{AttributePath, Authorization, Template};
use super::{IdpIndex, SignIn};
use crate::config::apps::AccessTokenKind;
use crate::config::providers::KeyAlgorithm;
use crate::connector::CallbackAddress;
use crate::value::name::{AppName, TlsName};
use crate::value::{NonEmpty, SecretText, WebUrl};

/// An application.
#[derive(Debug)]
pub enum App {
    /// A relying party registered with us.
    Oidc(Box<OidcApp>),
    /// A protected upstream.
    Proxy(Box<ProxyApp>),
}

impl App {
    /// Its name.
    pub fn name(&self) -> &AppName {
        match self {
            App::Oidc(app) => &app.name,
            App::Proxy(app) => &app.name,
        }
    }

    /// Pointer of its section.
    pub fn pointer(&self) -> &str {
        match self {
            App::Oidc(app) => &app.pointer,
            App::Proxy(app) => &app.pointer,
        }
    }

    /// Who is asked about a person after the sign-in.
    pub fn lookups(&self) -> &[Lookup] {
        match self {
            App::Oidc(app) => &app.lookups,
            App::Proxy(app) => &app.lookups,
        }
    }

    /// Every sign-in it may ask for.
    pub fn sign_ins(&self) -> Vec<&SignIn> {
        match self {
            App::Oidc(app) => vec![&app.sign_in],
            App::Proxy(app) => app.policies.all().filter_map(|p| p.sign_in.as_ref()).collect(),
        }
    }
}

/// A relying party registered with us.
#[derive(Debug)]
pub struct OidcApp {
    /// Its name.
    pub name: AppName,
    /// Client id.
    pub client_id: String,
    /// Secrets, any of which is good. Empty for a public client.
    pub secrets: Vec<SecretText>,
    /// No secret, PKCE required.
    pub public: bool,
    /// Whether a request without S256 challenge is refused.
    pub require_pkce: bool,
    /// Exact.
    pub redirect_urls: Vec<String>,
    /// Where people may be sent after a logout. Exact.
    pub post_logout_redirect_urls: Vec<String>,
    /// Where it is told that a session ended.
    pub backchannel_logout: Option<WebUrl>,
    /// Who signs people in.
    pub sign_in: SignIn,
    /// Who may pass.
    pub authorization: Authorization,
    /// Who is asked about a person after the sign-in.
    pub lookups: Vec<Lookup>,
    /// Claim to attribute.
    pub claims: Vec<(String, AttributePath)>,
    /// Scopes besides the standard ones.
    pub custom_scopes: Vec<String>,
    /// Form of its access tokens.
    pub access_token: AccessTokenKind,
    /// Life of its access tokens, in seconds.
    pub access_token_secs: u64,
    /// Life of its ID tokens, in seconds.
    pub id_token_secs: u64,
    /// Pointer of its section, for labels.
    pub pointer: String,
}

/// A protected upstream.
#[derive(Debug)]
pub struct ProxyApp {
    /// Its name.
    pub name: AppName,
    /// Where it answers.
    pub routes: NonEmpty<RoutePattern>,
    /// Where requests go.
    pub upstream: WebUrl,
    /// Client TLS profile.
    pub tls: Option<TlsName>,
    /// Send the client's Host.
    pub preserve_host: bool,
    /// Forward the client's Authorization.
    pub preserve_authorization: bool,
    /// Where denied people go.
    pub unauthorized_page: Option<WebUrl>,
    /// Set on every request.
    pub headers: Vec<(HeaderName, Template)>,
    /// Which path needs what.
    pub policies: Policies,
    /// Who is asked about a person after the sign-in.
    pub lookups: Vec<Lookup>,
    /// Its own logout, which ends the session.
    pub logout: Option<Logout>,
    /// Largest request body; 0 is no limit.
    pub body_bytes_max: u64,
    /// Until the response header, in seconds.
    pub upstream_secs: u64,
    /// Pointer of its section, for labels.
    pub pointer: String,
}

/// A provider that is asked about a person after the sign-in (`attrProviders`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// Who is asked. What it says is read under its name.
    pub idp: IdpIndex,
    /// Its name.
    pub name: String,
    /// Whose value names the person there.
    pub by: AttributePath,
    /// Pointer of its section, for labels.
    pub pointer: String,
}

/// Where people go to end their session, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logout {
    /// Where.
    pub at: CallbackAddress,
    /// Where they are sent then; a plain page without it.
    pub after: Option<WebUrl>,
    /// Pointer of `logoutURL`, for labels.
    pub pointer: String,
}

/// Where a proxied application answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoutePattern {
    /// Host in lower case, with port if the pattern names one; any host without it.
    pub host: Option<String>,
    /// Path, without trailing slash; empty for everything.
    pub path: String,
}

impl RoutePattern {
    /// Parses `host`, `host/path` or `/path`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (host, path) = match text.find('/') {
            Some(0) => ("", text),
            Some(slash) => text.split_at(slash),
            None => (text, ""),
        };
        if text.is_empty() || text.contains(['?', '#', '*', ' ', '\\']) || text.contains("://") {
            return Err(format!("`{text}` is not a route: write `host`, `host/path` or `/path`"));
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        Ok(RoutePattern {
            host: (!host.is_empty()).then_some(host),
            path: path.trim_end_matches('/').to_owned(),
        })
    }

    /// Whether the pattern takes a canonical path: whole segments only.
    pub fn takes(&self, path: &str) -> bool {
        path.strip_prefix(self.path.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// The policies of a proxied application.
#[derive(Debug)]
pub struct Policies {
    regexes: Vec<(Regex, Policy)>,
    /// Longest prefix first.
    prefixes: Vec<(String, Policy)>,
}

/// What one location needs.
#[derive(Debug, Clone)]
pub struct Policy {
    /// No sign-in is asked.
    pub allow_unauthenticated: bool,
    /// Who signs people in.
    pub sign_in: Option<SignIn>,
    /// Who may pass.
    pub authorization: Authorization,
    /// Its location as written, for logs and lint.
    pub location: String,
}

impl Policies {
    /// Orders them: expressions as written, then the longest prefix.
    pub fn new(regexes: Vec<(Regex, Policy)>, mut prefixes: Vec<(String, Policy)>) -> Self {
        prefixes.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len()));
        Policies { regexes, prefixes }
    }

    /// The policy of a canonical path; `None` is 403.
    pub fn find(&self, path: &str) -> Option<&Policy> {
        self.regexes
            .iter()
            .find(|(regex, _)| regex.is_match(path))
            .map(|(_, policy)| policy)
            .or_else(|| self.prefixes.iter().find(|(p, _)| path.starts_with(p.as_str())).map(|(_, p)| p))
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Policy> {
        self.regexes.iter().map(|(_, p)| p).chain(self.prefixes.iter().map(|(_, p)| p))
    }
}

/// The OpenID provider, linked.
#[derive(Debug)]
pub struct OidcProvider {
    /// Byte for byte in `iss`.
    pub issuer: WebUrl,
    /// Addresses.
    pub endpoints: Endpoints,
    /// Keys; the first signs.
    pub keys: NonEmpty<SigningKeySource>,
    /// Whether tokens end with the session they come from.
    pub correlate_session: bool,
    /// Pointer of its section, for labels.
    pub pointer: String,
}

/// Addresses of the provider's endpoints.
#[derive(Debug, Clone)]
pub struct Endpoints {
    /// A further address of the discovery document.
    pub well_known: Option<WebUrl>,
    /// Authorization endpoint.
    pub auth: WebUrl,
    /// Token endpoint.
    pub token: WebUrl,
    /// Key set.
    pub jwks: WebUrl,
    /// UserInfo endpoint.
    pub userinfo: WebUrl,
    /// RP-initiated logout.
    pub end_session: WebUrl,
}

/// Where a signing key comes from.
#[derive(Debug, Clone)]
pub struct SigningKeySource {
    /// Label in logs.
    pub name: String,
    /// The key.
    pub material: KeyMaterial,
    /// Algorithm, when written.
    pub algorithm: Option<KeyAlgorithm>,
}

/// A private key, not opened yet.
#[derive(Debug, Clone)]
pub enum KeyMaterial {
    /// PEM file.
    File(String),
    /// PEM text.
    Pem(SecretText),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_segments() {
        let pattern = RoutePattern::parse("App.Example.com/app/").unwrap();
        assert_eq!(pattern.host.as_deref(), Some("app.example.com"));
        for (path, takes) in [("/app", true), ("/app/x", true), ("/apple", false), ("/", false)] {
            assert_eq!(pattern.takes(path), takes, "{path}");
        }
        assert!(RoutePattern::parse("/").unwrap().takes("/anything"));
        for bad in ["", "https://x", "a/*", "a?b"] {
            assert!(RoutePattern::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn expressions_go_first_then_the_longest_prefix() {
        let policy = |location: &str| Policy {
            allow_unauthenticated: false,
            sign_in: None,
            authorization: Authorization::Nobody,
            location: location.into(),
        };
        let policies = Policies::new(
            vec![(Regex::new(r"\.css$").unwrap(), policy("css"))],
            vec![("/".into(), policy("/")), ("/admin".into(), policy("/admin"))],
        );
        for (path, want) in
            [("/admin/x.css", "css"), ("/admin/x", "/admin"), ("/administrator", "/admin"), ("/x", "/")]
        {
            assert_eq!(policies.find(path).unwrap().location, want, "{path}");
        }
        assert!(Policies::new(vec![], vec![("/a".into(), policy("/a"))]).find("/b").is_none());
    }
}
