//! One identity provider: how to sign in there, and how to tell that it is well.
//!
//! A kind is a folder here and a line in [`KINDS`]. The contract names from the start everything a kind may
//! be asked; what a kind cannot do it answers with [`Fault::Unsupported`], and nobody downcasts.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use schemars::SchemaGenerator;
use serde_json::{Map, Value};

use crate::ambient::{Clock, Entropy, UnixSecs};
use crate::config::connectors::Common;
use crate::config::yaml::Document;
use crate::diag::Diagnostic;
use crate::health::{Unwell, Verdict};
use crate::net::Client;
use crate::protocol::oauth::Params;
use crate::secrets::Keyring;
use crate::value::url::PlainHttp;
use crate::value::{SecretText, WebUrl};

pub mod account;
pub mod documents;
pub mod facts;
pub mod open;
mod throttle;

use account::Account;
use facts::Facts;

/// The table of kinds: the list of folders becomes the module declarations and the slice.
macro_rules! kinds {
    ($($folder:ident),* $(,)?) => {
        $(pub mod $folder;)*
        /// Every kind of connector, by its folder.
        pub static KINDS: &[&Kind] = &[$(&$folder::KIND),*];
    };
}

kinds![oidc, saml, ldap, local, continuity, oauth];

/// One kind of connector.
pub struct Kind {
    /// The values of `type` it answers to.
    pub type_names: &'static [&'static str],
    /// Branches of the schema: conditions on `type` (and `authType`), and the shape.
    pub schema: fn(&mut SchemaGenerator) -> Vec<Branch>,
    /// Reads a section; `None` when it found faults, which it reports.
    pub read: fn(&mut Section<'_>) -> Option<Entry>,
}

/// A branch of the schema: all conditions equal, then the shape.
pub type Branch = (Vec<(&'static str, &'static str)>, Value);

/// A section to be read by its kind.
pub struct Section<'a> {
    /// The file.
    pub document: &'a Document,
    /// Pointer of the section.
    pub pointer: &'a str,
    /// Its tree.
    pub value: &'a Value,
    /// Where plain http is fine.
    pub plain: &'a PlainHttp,
    /// Reports go here.
    pub findings: &'a mut Vec<Diagnostic>,
}

/// What a section is: a provider, or continuity over providers.
pub enum Entry {
    /// A provider.
    Idp(Arc<dyn IdpConfig>),
    /// Continuity, which has members and no health of its own.
    Continuity(continuity::config::Config),
    /// Known, and not run here; already reported.
    NotRun(String),
}

/// The configuration of a provider: pure facts, until it is opened.
pub trait IdpConfig: fmt::Debug + Send + Sync {
    /// The envelope.
    fn common(&self) -> &Common;

    /// What an offline tool may know.
    fn facts(&self) -> Facts;

    /// Every secret it needs, with the key it stands under.
    fn secrets(&self) -> Vec<(&'static str, &SecretText)>;

    /// Addresses at which its browser answers arrive. Empty when none is configured.
    fn callbacks(&self) -> Vec<CallbackAddress>;

    /// Addresses at which browsers come back from a logout there. Empty when none is configured.
    fn logout_callbacks(&self) -> Vec<WebUrl> {
        Vec::new()
    }

    /// Address at which the provider itself announces that a session ended.
    fn logout_receiver(&self) -> Option<&WebUrl> {
        None
    }

    /// Between the members of a list of its attributes where one text is needed.
    fn list_delimiter(&self) -> &str {
        crate::value::LIST_DELIMITER
    }

    /// What becomes of the values of an attribute, by the name it is seen under.
    fn shape(&self, _attribute: &str) -> facts::Shape {
        facts::Shape::Typed
    }

    /// The page a person reaches after a sign-in that the provider began, with the key that says so. Such sign-ins
    /// are refused without one.
    fn landing(&self) -> Option<(&'static str, &WebUrl)> {
        None
    }

    /// Files it is opened from. A reload opens it anew when one has changed.
    fn files(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whose people these are, where the main address does not say it: see [`open::Opened::realm`].
    fn realm(&self) -> Option<String> {
        None
    }

    /// Whether an app can sign in with it, and if not, the key that is missing.
    fn can_sign_in(&self) -> Result<(), &'static str>;

    /// Makes it ready to be asked.
    fn open(self: Arc<Self>, opening: &Opening<'_>) -> Result<Arc<dyn Connector>, String>;
}

/// Where answers arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallbackAddress {
    /// A full address.
    Url(WebUrl),
    /// A path on every host.
    Path(String),
}

/// What opening a connector may use.
pub struct Opening<'a> {
    /// Secrets.
    pub keyring: &'a Keyring,
    /// Outgoing calls, with the connector's TLS profile.
    pub client: Client,
    /// Outgoing calls of its custom endpoint.
    pub custom_client: Client,
    /// Where plain http is fine.
    pub plain: PlainHttp,
    /// The connector's TLS profile, for kinds that do not speak HTTP.
    pub tls: Option<&'a crate::config::tls::Profile>,
    /// Time.
    pub clock: Clock,
    /// Chance.
    pub entropy: Entropy,
    /// A permit-bounded runtime for work that blocks (password hashing, files).
    pub blocking: tokio::runtime::Handle,
    /// Where what providers published is kept over a restart, if anywhere.
    pub shelf: Option<Arc<documents::shelf::Shelf>>,
}

/// A future that a connector hands out.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An opened provider.
pub trait Connector: Send + Sync {
    /// Asks whether it is well: the probe of `serve` and of `maverics probe`.
    fn probe(&self, budget: std::time::Duration) -> Answer<'_, Verdict>;

    /// The probe's first request, before a browser is sent there.
    fn pre_flight(&self, budget: std::time::Duration) -> Answer<'_, Verdict>;

    /// Asks, after a sign-in failed in the middle, whether the parts that only a sign-in needs are well too.
    /// Carries nothing from the person.
    fn check(&self, budget: std::time::Duration) -> Answer<'_, Verdict> {
        self.pre_flight(budget)
    }

    /// Age of the provider's documents that are in use, in seconds; `None` without any.
    fn documents_age_secs(&self) -> Option<u64> {
        None
    }

    /// Fetches again what will soon be too old, so that no sign-in waits for it. `serve` calls this at regular
    /// times, whatever the probes ask.
    fn keep_fresh(&self) -> Answer<'_, ()> {
        Box::pin(async {})
    }

    /// Forgets everything the provider published, also what is kept over a restart: for an operator who was
    /// told that a key is lost. The next sign-in asks the provider.
    fn drop_cache(&self) {}

    /// Begins a sign-in.
    fn begin<'a>(&'a self, request: &'a BeginRequest) -> Answer<'a, Result<Begin, Fault>>;

    /// Completes a sign-in that this connector began.
    fn complete<'a>(&'a self, request: CompleteRequest<'a>) -> Answer<'a, Result<Identity, Fault>>;

    /// Completes a sign-in that the provider began.
    fn unsolicited<'a>(&'a self, _params: &'a Params) -> Answer<'a, Result<Identity, Fault>> {
        unsupported("this kind of provider does not begin sign-ins itself")
    }

    /// The state that an answer of the provider brings back, to a sign-in or to a logout; it says which one of
    /// ours it belongs to. `None` when this is no answer to anything.
    fn answered_state<'p>(&self, _params: &'p Params) -> Option<&'p str> {
        None
    }

    /// What the provider's operator needs to know of us, for protocols that have a document for it: media type
    /// and text. Served to whoever opens the address at which answers arrive.
    fn own_metadata(&self) -> Option<(&'static str, String)> {
        None
    }

    /// Attributes of a person by name, without a sign-in.
    fn look_up<'a>(&'a self, _username: &'a str) -> Answer<'a, Result<Map<String, Value>, Fault>> {
        unsupported("this kind of provider cannot be asked about people")
    }

    /// New attributes and tokens for a session.
    fn refresh<'a>(&'a self, _session: &'a Kept) -> Answer<'a, Result<Identity, Fault>> {
        unsupported("this kind of provider has no refresh")
    }

    /// Where the browser goes to end the session at the provider. A [`Begin`] whose `kept` has no `redirect_uri`
    /// is a way without return. Asked only of kinds that keep one ([`facts::Protocol::keeps_sessions`]).
    fn logout_begin<'a>(&'a self, _request: LogoutRequest<'a>) -> Answer<'a, Result<Begin, Fault>> {
        unsupported("this kind of provider has no logout")
    }

    /// The browser came back from it; `kept` is what [`Connector::logout_begin`] kept.
    fn logout_complete<'a>(&'a self, _params: &'a Params, _kept: &'a Kept) -> Answer<'a, Result<(), Fault>> {
        unsupported("this kind of provider has no logout")
    }

    /// The provider says that a session ended. The caller sees to it that one announcement works once.
    fn logout_received<'a>(&'a self, _params: &'a Params) -> Answer<'a, Result<LoggedOut, Fault>> {
        unsupported("this kind of provider does not announce logouts")
    }
}

fn unsupported<'a, T: Send + 'a>(reason: &'static str) -> Answer<'a, Result<T, Fault>> {
    Box::pin(async move { Err(Fault::Unsupported(reason)) })
}

/// The custom endpoint of a health check, its secrets opened.
fn custom_endpoint(
    config: &crate::config::connectors::CustomEndpoint,
    opening: &Opening<'_>,
) -> Result<crate::health::http::CustomEndpoint, String> {
    let mut headers = Vec::new();
    for (name, text) in &config.headers {
        let secret = opening.keyring.open(text).ok_or("a secret was not unlocked")?;
        let name = http::HeaderName::try_from(name.as_str())
            .map_err(|_| format!("`{name}` is not a header name"))?;
        let mut value = http::HeaderValue::try_from(secret.expose().as_str())
            .map_err(|_| format!("the value of the header `{name}` cannot be sent"))?;
        value.set_sensitive(true);
        headers.push((name, value));
    }
    Ok(crate::health::http::CustomEndpoint {
        url: config.endpoint.clone(),
        headers,
        matcher: config.response_matcher.clone(),
        client: opening.custom_client.clone(),
    })
}

/// What a sign-in begins with.
#[derive(Debug, Clone)]
pub struct BeginRequest {
    /// Comes back with the answer; 43 base64url characters.
    pub state: String,
    /// Origin (`https://host[:port]`) that the browser used, to choose among several callbacks.
    pub origin: String,
    /// The person must authenticate again.
    pub force_login: bool,
    /// Oldest acceptable authentication, in seconds.
    pub max_age: Option<u64>,
}

/// What the browser must do next. `kept` survives, sealed, until [`Connector::complete`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begin {
    /// Go there.
    Redirect {
        /// Address.
        url: String,
        /// Kept.
        kept: Kept,
    },
    /// Post these fields there.
    FormPost {
        /// Address.
        action: String,
        /// Field names and values.
        fields: Vec<(String, String)>,
        /// Kept.
        kept: Kept,
    },
    /// Ask for a name and a password on a page of ours, which posts to this path.
    AskPassword {
        /// Path or address the form posts to.
        action: String,
        /// Kept.
        kept: Kept,
    },
}

/// Small texts a connector wants back: nonce, verifier, redirect URI.
pub type Kept = BTreeMap<String, String>;

/// What a sign-in is completed with.
#[derive(Debug)]
pub struct CompleteRequest<'a> {
    /// What the browser brought.
    pub input: Input<'a>,
    /// What [`Connector::begin`] kept.
    pub kept: &'a Kept,
    /// The person had to authenticate after this instant.
    pub authenticated_after: Option<UnixSecs>,
}

/// What the browser brought.
pub enum Input<'a> {
    /// Parameters of a GET.
    Query(&'a Params),
    /// Parameters of a POST.
    Form(&'a Params),
    /// From our own page.
    Password {
        /// As typed.
        username: &'a str,
        /// As typed.
        password: &'a crate::value::Secret<String>,
    },
}

impl fmt::Debug for Input<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Input::Query(_) => "Query(..)",
            Input::Form(_) => "Form(..)",
            Input::Password { .. } => "Password(..)",
        })
    }
}

/// A verified identity, in the provider's own words. Made only by connectors, from verified data.
#[derive(Debug, Clone)]
pub struct Identity {
    /// Who vouches: issuer, entity id, or connector name.
    pub issuer: String,
    /// For whom.
    pub subject: String,
    /// Which account it is, where the subject does not say it; `None` where it does.
    pub account: Option<Account>,
    /// When the person authenticated there, if it said so.
    pub authenticated_at: Option<UnixSecs>,
    /// Until when it vouches for the person, if it said so.
    pub until: Option<UnixSecs>,
    /// What it said about the person.
    pub attributes: Map<String, Value>,
    /// A part of what the provider says could not be fetched: good only when every mapped attribute is here.
    pub incomplete: Option<Unwell>,
    /// What vouches for it is good once: the caller remembers it, and refuses it the second time.
    pub once: Option<Once>,
    /// For later calls (logout, refresh); never shown.
    pub kept: Kept,
}

/// A thing that works once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    /// Its id, unique for the issuer.
    pub id: String,
    /// Until when it must be remembered; later its age alone refuses it.
    pub until: UnixSecs,
}

/// What a logout at a provider begins with.
#[derive(Debug, Clone, Copy)]
pub struct LogoutRequest<'a> {
    /// What the sign-in kept ([`Identity::kept`]).
    pub session: &'a Kept,
    /// Comes back with the answer; 43 base64url characters.
    pub state: &'a str,
    /// Origin (`https://host[:port]`) that the browser used, to choose among several return addresses.
    pub origin: &'a str,
}

/// A session that a provider ended, or with a subject alone, all sessions of that person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedOut {
    /// Issuer.
    pub issuer: String,
    /// Subject, if named.
    pub subject: Option<String>,
    /// Provider's session ids; all sessions of the subject without any.
    pub sessions: Vec<String>,
    /// The announcement.
    pub announcement: Once,
    /// What the browser that brought it does next, where a browser did.
    pub answer: Option<Begin>,
}

/// Why a step of a sign-in failed, by whose side.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// The person or the provider said no. Never a reason to try another provider.
    #[error("{0}")]
    Denied(Denial),
    /// What arrived is not acceptable: forged, replayed, broken. Never a reason to try another provider.
    #[error("the answer was refused: {0}")]
    Rejected(String),
    /// The provider seems unwell. Triggers a check of ours; only that check moves the sign-in.
    #[error("{0}")]
    Unwell(Unwell),
    /// This kind cannot do it.
    #[error("{0}")]
    Unsupported(&'static str),
}

impl Denial {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Denial::ByProvider => "denied-by-provider",
            Denial::Credentials => "wrong-credentials",
            Denial::Throttled(_) => "throttled",
        }
    }
}

/// Why somebody was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The provider answered that access is denied.
    #[error("the identity provider denied the sign-in")]
    ByProvider,
    /// Wrong name or password; one answer for both.
    #[error("the user name or the password is wrong")]
    Credentials,
    /// Too many tries with one name.
    #[error("too many attempts; try again in {0} s")]
    Throttled(u64),
}
