//! Single logout, both ways, through the person's browser (protocol rows SL01 to SL03, SL06).

use serde_json::json;

use super::SamlConnector;
use super::begin::{REDIRECT_URI, REQUEST_ID, Way};
use super::metadata::Whose;
use crate::connector::{Begin, Fault, Kept, LoggedOut, LogoutRequest, Once};
use crate::protocol::oauth::Params;
use crate::protocol::saml::logout::{self as engine, Expected, Incoming, LogoutRefusal};
use crate::protocol::saml::message::{Common, Kind, NameId, SKEW_SECS, Status, new_id};
use crate::protocol::saml::metadata::{Binding, IdpMetadata};
use crate::protocol::saml::names::status;
use crate::protocol::saml::redirect::{self, RedirectMessage};
use crate::protocol::saml::signature::SignatureFault;
use crate::value::WebUrl;

/// Kept of a sign-in: the subject's name with its qualifiers, and the provider's name for the session.
const NAME: &str = "name_id";
const SESSION_INDEX: &str = "session_index";
/// Kept of a sign-in, for the index of sessions.
const SID: &str = "sid";

/// How long a provider may take to receive a logout request, in seconds.
const REQUEST_SECS: u64 = 300;

/// What a logout will need of a sign-in.
pub(super) fn keep(name: &NameId, session_index: Option<&str>) -> Kept {
    let mut kept = Kept::new();
    if let Ok(text) = serde_json::to_string(name) {
        kept.insert(NAME.into(), text);
    }
    if let Some(index) = session_index {
        kept.insert(SESSION_INDEX.into(), index.to_owned());
        kept.insert(SID.into(), sid(name, index));
    }
    kept
}

/// A session by what the provider calls it: an index means something only with the name it was given for.
fn sid(name: &NameId, index: &str) -> String {
    json!([name.value, index]).to_string()
}

/// The request that ends the session at the provider.
pub(super) async fn begin(connector: &SamlConnector, request: LogoutRequest<'_>) -> Result<Begin, Fault> {
    let Some(back) = &connector.config.saml_logout_callback_url else {
        return Err(Fault::Unsupported("samlLogoutCallbackURL is not set"));
    };
    let Some(key) = connector.key() else {
        return Err(Fault::Unsupported("a logout request must be signed, and samlSPKeyPath is not set"));
    };
    let known = connector.metadata.current().await.map_err(Fault::Unwell)?;
    let endpoint = known.0.slo(Binding::Redirect).or_else(|| known.0.slo(Binding::Post));
    let Some(endpoint) = endpoint else {
        return Err(Fault::Unsupported("the provider offers no SingleLogoutService"));
    };
    let name = request.session.get(NAME).and_then(|text| serde_json::from_str::<NameId>(text).ok());
    let Some(name) = name else { return Err(Fault::Unsupported("the sign-in kept no name to log out with")) };
    let indexes: Vec<&str> = request.session.get(SESSION_INDEX).map(String::as_str).into_iter().collect();
    let now = connector.clock.unix();
    let outgoing = engine::LogoutRequest {
        common: Common {
            id: &new_id(&connector.entropy),
            issuer: &connector.entity_id,
            destination: &endpoint.location,
            issued: now,
        },
        name_id: &name,
        session_indexes: &indexes,
        not_on_or_after: now.plus(REQUEST_SECS),
    }
    .build();
    let kept = Kept::from([
        (REQUEST_ID.to_owned(), outgoing.id().to_owned()),
        (REDIRECT_URI.to_owned(), back.as_str().to_owned()),
    ]);
    let way = Way { binding: endpoint.binding, destination: &endpoint.location, key: Some(key) };
    way.carry(&outgoing, Some(request.state), kept)
}

/// The browser came back with the provider's answer.
pub(super) async fn complete(
    connector: &SamlConnector,
    params: &Params,
    kept: &Kept,
) -> Result<(), Fault> {
    let request_id = kept.get(REQUEST_ID).map(String::as_str).unwrap_or_default();
    let message = Message::of(params, Kind::Response)?;
    let verified = verified(connector, Whose::Ours, |metadata, destination| {
        engine::verify_response(
            message.incoming(),
            request_id,
            &expected(metadata, destination),
            connector.clock.unix(),
        )
    })
    .await?;
    let said = verified.0.status();
    // A part that could not be ended is as true as the rest.
    if said.is_success() {
        return Ok(());
    }
    Err(Fault::Rejected(format!("the provider answers the logout with {}", said.detail.as_ref().unwrap_or(&said.code))))
}

/// A logout request of the provider, with the answer to it.
pub(super) async fn received(connector: &SamlConnector, params: &Params) -> Result<LoggedOut, Fault> {
    let message = Message::of(params, Kind::Request)?;
    let (request, known) = verified(connector, Whose::Anybodys, |metadata, destination| {
        engine::verify_request(message.incoming(), &expected(metadata, destination), connector.clock.unix())
    })
    .await?;
    let name = request.name_id();
    let relay_state = params.get("RelayState");
    Ok(LoggedOut {
        issuer: request.issuer().to_owned(),
        subject: Some(name.value.clone()),
        sessions: request.session_indexes().iter().map(|index| sid(name, index)).collect(),
        announcement: Once { id: request.id().to_owned(), until: request.replay_until() },
        answer: answer(connector, &known, request.id(), relay_state),
    })
}

/// Success, also when nobody was signed in here: that is what was asked for (row SL02).
fn answer(
    connector: &SamlConnector,
    metadata: &IdpMetadata,
    request_id: &str,
    relay_state: Option<&str>,
) -> Option<Begin> {
    let endpoint = metadata.slo(Binding::Redirect).or_else(|| metadata.slo(Binding::Post))?;
    let destination = endpoint.for_responses();
    let outgoing = engine::LogoutResponse {
        common: Common {
            id: &new_id(&connector.entropy),
            issuer: &connector.entity_id,
            destination,
            issued: connector.clock.unix(),
        },
        in_response_to: request_id,
        status: &Status::of(status::SUCCESS, None),
    }
    .build();
    let way = Way { binding: endpoint.binding, destination, key: connector.key() };
    way.carry(&outgoing, relay_state, Kept::new()).ok()
}

/// A message as it came.
enum Message<'p> {
    Posted(&'p str),
    Redirected(RedirectMessage),
}

impl<'p> Message<'p> {
    /// The one message of a kind. A form has no signature of its own, so what has one is a query as received.
    fn of(params: &'p Params, kind: Kind) -> Result<Self, Fault> {
        let name = kind.parameter();
        let Some(text) = params.get(name).filter(|_| params.count(name) == 1) else {
            return Err(Fault::Rejected(format!("there is not exactly one `{name}`")));
        };
        if params.count("SigAlg") + params.count("Signature") == 0 {
            return Ok(Message::Posted(text));
        }
        let message = redirect::decode(params.raw());
        Ok(Message::Redirected(message.map_err(|fault| Fault::Rejected(fault.to_string()))?))
    }

    fn incoming(&self) -> Incoming<'_> {
        match self {
            Message::Posted(text) => Incoming::Post(text),
            Message::Redirected(message) => Incoming::Redirect(message),
        }
    }
}

fn expected<'a>(metadata: &'a IdpMetadata, destination: &'a str) -> Expected<'a> {
    Expected {
        issuer: metadata.entity_id(),
        keys: metadata.signing_keys(),
        destination,
        skew_secs: SKEW_SECS,
    }
}

/// Verifies with the metadata that is known, and once more with newer when its keys do not fit.
async fn verified<T>(
    connector: &SamlConnector,
    whose: Whose,
    verify: impl Fn(&IdpMetadata, &str) -> Result<T, LogoutRefusal>,
) -> Result<(T, IdpMetadata), Fault> {
    let destination = connector.config.saml_logout_callback_url.as_ref().map(WebUrl::as_str);
    let destination = destination.ok_or(Fault::Unsupported("samlLogoutCallbackURL is not set"))?;
    let mut known = connector.metadata.current().await.map_err(Fault::Unwell)?;
    let mut result = verify(&known.0, destination);
    if let Err(LogoutRefusal::Signature(SignatureFault::Invalid)) = result
        && let Some(newer) = connector.metadata.newer(whose, &known).await
    {
        result = verify(&newer.0, destination);
        known = newer;
    }
    let value = result.map_err(|refusal| Fault::Rejected(format!("{}: {refusal}", refusal.code())))?;
    Ok((value, known.0.clone()))
}
