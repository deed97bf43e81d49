//! Whole flows against the running program: a relying party, identity providers, protected applications.

mod drain;
mod failover;
mod faults;
mod fleet;
mod ldap;
mod local;
mod logout;
mod lookups;
mod memory;
mod metadata;
mod oidc_code;
mod outage;
mod policy;
mod proxy_headers;
mod reload;
mod saml;
mod saml_peer;
mod smuggling;
mod tier2;
mod tls;
mod two_nodes;
mod upstream_idp;
mod voices;

use maverics::ambient::Clock;
use maverics::protocol::jose::KeySet;
use maverics::protocol::jose::token::ACCEPTED;
use maverics::protocol::oauth::pkce;
use maverics::protocol::oidc::id_token::{Expected, VerifiedIdToken, verify_id_token};
use serde_json::{Value, json};

use crate::support::browser::{Answer, Browser, Request, encode};

/// Where the test's relying parties are called back. Nobody listens there: browsers stop before it.
const RETURN: &str = "http://127.0.0.1:9/cb";
/// What a relying party of these tests proves its codes with.
const VERIFIER: &str = "a-verifier-that-is-long-enough-for-rfc-7636-4-1";

/// How a relying party says who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Auth {
    Basic,
    Post,
    None,
}

/// A relying party, as far as HTTP sees one.
#[derive(Debug, Clone)]
struct Rp {
    issuer: String,
    id: &'static str,
    secret: &'static str,
    auth: Auth,
    scope: &'static str,
}

impl Rp {
    fn new(issuer: &str, id: &'static str, secret: &'static str) -> Self {
        Rp { issuer: issuer.into(), id, secret, auth: Auth::Basic, scope: "openid profile email" }
    }

    fn endpoint(&self, name: &str) -> String {
        let discovery =
            Browser::new().get(&format!("{}/.well-known/openid-configuration", self.issuer)).json();
        discovery[name].as_str().expect("an advertised endpoint").to_owned()
    }

    /// Parameters of an authorization request.
    fn params(&self) -> Vec<(String, String)> {
        let challenge = pkce::challenge(VERIFIER);
        [
            ("client_id", self.id),
            ("redirect_uri", RETURN),
            ("response_type", "code"),
            ("scope", self.scope),
            ("state", "the state"),
            ("nonce", "the nonce"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .to_vec()
    }

    /// The address of an authorization request; `change` replaces parameters, and an empty value removes one.
    fn request(&self, change: &[(&str, &str)]) -> String {
        let mut params = self.params();
        params.retain(|(name, _)| !change.iter().any(|(n, _)| n == name));
        params.extend(change.iter().filter(|(_, v)| !v.is_empty()).map(|(n, v)| ((*n).into(), (*v).into())));
        self.request_with(&params)
    }

    fn request_with(&self, params: &[(String, String)]) -> String {
        let pairs: Vec<(&str, &str)> = params.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        format!("{}?{}", self.endpoint("authorization_endpoint"), encode(&pairs))
    }

    /// Signs a browser in and gives the code.
    #[track_caller]
    fn code(&self, browser: &mut Browser, change: &[(&str, &str)]) -> String {
        let answer = browser.open(&self.request(change));
        answer
            .param("code")
            .unwrap_or_else(|| panic!("no code: {} {:?} {}", answer.status, answer.location(), answer.text()))
    }

    fn redemption<'c>(&self, code: &'c str) -> Vec<(&'c str, &'c str)> {
        vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", RETURN),
            ("code_verifier", VERIFIER),
        ]
    }

    /// Sends fields to the token endpoint, authenticated.
    fn redeem_with(&self, fields: &[(&str, &str)]) -> Answer {
        Browser::new().send(&self.token_request(fields))
    }

    fn token_request(&self, fields: &[(&str, &str)]) -> Request {
        let mut fields = fields.to_vec();
        match self.auth {
            Auth::Basic => {}
            Auth::Post => fields.extend([("client_id", self.id), ("client_secret", self.secret)]),
            Auth::None => fields.push(("client_id", self.id)),
        }
        let request = Request::form(&self.endpoint("token_endpoint"), &fields);
        if self.auth == Auth::Basic { request.header("Authorization", &self.basic()) } else { request }
    }

    fn basic(&self) -> String {
        use base64::Engine as _;
        let half = |text: &str| encode(&[("x", text)])[2..].to_owned();
        let pair = format!("{}:{}", half(self.id), half(self.secret));
        format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
    }

    fn redeem(&self, code: &str) -> Answer {
        self.redeem_with(&self.redemption(code))
    }

    /// Signs in and redeems: the tokens.
    #[track_caller]
    fn tokens(&self, browser: &mut Browser) -> Value {
        let code = self.code(browser, &[]);
        let answer = self.redeem(&code);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// The ID token of some tokens, verified with the keys the provider publishes.
    #[track_caller]
    fn verified(&self, tokens: &Value) -> VerifiedIdToken {
        let keys = KeySet::parse(&Browser::new().get(&self.endpoint("jwks_uri")).json()).expect("a key set");
        let expected = Expected {
            issuer: &self.issuer,
            client_id: self.id,
            nonce: Some("the nonce"),
            access_token: tokens["access_token"].as_str(),
            authenticated_after: None,
            now: Clock::system().unix(),
        };
        let token = tokens["id_token"].as_str().expect("an ID token");
        verify_id_token(token, &keys, ACCEPTED, &expected).expect("a good ID token")
    }

    fn userinfo(&self, access_token: &str) -> Answer {
        let bearer = format!("Bearer {access_token}");
        Browser::new()
            .send(&Request::get(&self.endpoint("userinfo_endpoint")).header("Authorization", &bearer))
    }
}

/// The person most tests sign in.
fn alice() -> Value {
    json!({"sub": "a1", "email": "alice@example.com", "email_verified": true, "name": "Alice A", "roles": ["staff", "a,b"]})
}

/// Headers every page of ours has.
#[track_caller]
fn is_page_of_ours(answer: &Answer) {
    let csp = answer.header("content-security-policy").unwrap_or_default();
    assert!(csp.contains("frame-ancestors 'none'") && csp.contains("default-src 'none'"), "{csp}");
    for (name, value) in
        [("x-frame-options", "DENY"), ("referrer-policy", "no-referrer"), ("cache-control", "no-store")]
    {
        assert_eq!(answer.header(name), Some(value), "{name} at {}", answer.url);
    }
}
