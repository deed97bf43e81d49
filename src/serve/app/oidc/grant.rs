//! What a code or an opaque access token stands for, as it is kept in the cache.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::ambient::UnixSecs;
use crate::model::app::OidcApp;
use crate::model::rules::Attributes;
use crate::protocol::oidc::claims::{scope_of, typed};

/// How long a code lives, in seconds.
pub const CODE_SECS: u64 = 60;

/// A person's consent to one client, behind a code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// Client it was made for.
    pub client_id: String,
    /// Redirect URI of the request.
    pub redirect_uri: String,
    /// S256 challenge of the request.
    pub challenge: Option<String>,
    /// Nonce of the request.
    pub nonce: Option<String>,
    /// What the tokens will say.
    pub person: Person,
}

/// What tokens say of a person.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Person {
    /// Client it is told to.
    pub client_id: String,
    /// Subject.
    pub subject: String,
    /// Granted scopes.
    pub scope: Vec<String>,
    /// When the person authenticated.
    pub auth_time: UnixSecs,
    /// The session it comes from, by [`crate::serve::session::Session::sid`].
    pub session: String,
    /// When that session ends at the latest.
    pub session_until: UnixSecs,
    /// Mapped claims, all of them; scopes choose when they are told.
    pub claims: Map<String, Value>,
}

impl Person {
    /// Claims that the granted scopes ask for.
    pub fn told(&self) -> Map<String, Value> {
        let mut told = self.claims.clone();
        told.retain(|claim, _| scope_of(claim).is_none_or(|scope| self.scope.iter().any(|s| s == scope)));
        told
    }

    /// `sub` in ID token and UserInfo: a mapped one wins.
    pub fn told_subject(&self) -> String {
        match self.claims.get("sub") {
            Some(Value::String(sub)) if !sub.is_empty() => sub.clone(),
            _ => self.subject.clone(),
        }
    }
}

/// `sid` as one relying party sees it: two of them cannot tell by it that they have the same person (protocol row
/// I06). 43 base64url characters.
pub fn sid_for(session: &str, client_id: &str) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for part in ["sid", session, "\0", client_id] {
        context.update(part.as_bytes());
    }
    URL_SAFE_NO_PAD.encode(context.finish().as_ref())
}

/// The mapped claims of a person, each in the type it must have.
pub fn mapped_claims(app: &OidcApp, attributes: &dyn Attributes) -> Map<String, Value> {
    app.claims
        .iter()
        .filter_map(|(claim, path)| {
            Some((claim.clone(), typed(claim, path.value(attributes)?.into_owned())?))
        })
        .collect()
}
