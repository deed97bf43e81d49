//! The answer: a response to a verified identity (protocol rows SP05 to SP18).

use serde_json::{Map, Value};

use super::begin::{ISSUER, REQUEST_ID};
use super::metadata::Whose;
use super::{SamlConnector, logout};
use crate::ambient::UnixSecs;
use crate::connector::{CompleteRequest, Denial, Fault, Identity, Input, Once};
use crate::health::{Reason, Unwell};
use crate::protocol::oauth::Params;
use crate::protocol::saml::assertion::VerifiedAssertion;
use crate::protocol::saml::message::{NameId, SKEW_SECS};
use crate::protocol::saml::metadata::IdpMetadata;
use crate::protocol::saml::names::name_id;
use crate::protocol::saml::response::{self, Expected, Meaning, Refusal};
use crate::protocol::saml::signature::SignatureFault;

/// The attribute that is the name of the subject.
pub const NAME_ID: &str = "nameID";
/// Most bytes of all attributes together.
pub const ATTRIBUTES_BYTES_MAX: usize = 64 * 1024;

fn rejected<T>(words: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Rejected(words.into()))
}

/// Completes a sign-in that was asked for.
pub(super) async fn complete(
    connector: &SamlConnector,
    request: CompleteRequest<'_>,
) -> Result<Identity, Fault> {
    let params = match request.input {
        Input::Form(params) => params,
        Input::Query(_) => return rejected("a response arrives by POST"),
        Input::Password { .. } => return rejected("this connector takes no passwords"),
    };
    let kept = |name: &str| request.kept.get(name).map(String::as_str).unwrap_or_default();
    let asked = Asked {
        request_id: Some(kept(REQUEST_ID)),
        issuer: Some(kept(ISSUER)),
        authenticated_after: request.authenticated_after,
        whose: Whose::Ours,
    };
    verified(connector, params, &asked).await
}

/// Completes a sign-in that the provider began (row SP16).
pub(super) async fn unsolicited(connector: &SamlConnector, params: &Params) -> Result<Identity, Fault> {
    if connector.config.saml_idp_initiated_url.is_none() {
        return rejected("nobody asked, and samlIDPInitiatedURL is not set");
    }
    // Several connectors may hear what arrives here: nothing is verified for those whom it does not concern.
    let claimed = params.get("SAMLResponse").and_then(response::unverified_issuer);
    let known = connector.metadata.current().await.map_err(Fault::Unwell)?;
    if claimed.is_some_and(|claimed| claimed != known.0.entity_id()) {
        return rejected(format!("{}: {}", Refusal::Issuer.code(), Refusal::Issuer));
    }
    let asked =
        Asked { request_id: None, issuer: None, authenticated_after: None, whose: Whose::Anybodys };
    verified(connector, params, &asked).await
}

/// What was asked of whom.
struct Asked<'a> {
    request_id: Option<&'a str>,
    issuer: Option<&'a str>,
    authenticated_after: Option<UnixSecs>,
    whose: Whose,
}

async fn verified(connector: &SamlConnector, params: &Params, asked: &Asked<'_>) -> Result<Identity, Fault> {
    let message = params.get("SAMLResponse").filter(|_| params.count("SAMLResponse") == 1);
    let Some(message) = message else { return rejected("there is not exactly one `SAMLResponse`") };
    let known = connector.metadata.current().await.map_err(Fault::Unwell)?;
    if asked.issuer.is_some_and(|issuer| issuer != known.0.entity_id()) {
        return rejected("the provider's entity id changed during the sign-in");
    }
    let verify = |metadata: &IdpMetadata| {
        let expected = Expected {
            entity_id: &connector.entity_id,
            acs: connector.acs(),
            request_id: asked.request_id,
            idp_entity_id: metadata.entity_id(),
            idp_keys: metadata.signing_keys(),
            decryption_keys: &connector.keys,
            skew_secs: SKEW_SECS,
            authenticated_after: asked.authenticated_after,
            authn_contexts: &[],
            signed_response: false,
        };
        response::verify_post(message, &expected, connector.clock.unix())
    };
    let mut result = verify(&known.0);
    if let Err(Refusal::Signature(SignatureFault::Invalid)) = result
        && let Some(newer) = connector.metadata.newer(asked.whose, &known).await
        && asked.issuer.is_none_or(|issuer| issuer == newer.0.entity_id())
    {
        result = verify(&newer.0);
    }
    match result {
        Ok(assertion) if asked.request_id.is_none() && assertion.issued_at() < connector.started() => {
            rejected("it was issued before this process began, which cannot know whether it was used before")
        }
        Ok(assertion) => identity(&assertion),
        Err(Refusal::Status { meaning: Meaning::Denied | Meaning::NeedsPerson, .. }) => {
            Err(Fault::Denied(Denial::ByProvider))
        }
        // Only a hint, and mostly one that anybody can post: a check of ours decides. Where nobody was asked, nobody
        // waits for what it would say.
        Err(refusal @ Refusal::Status { meaning: Meaning::Unwell, .. }) if asked.request_id.is_some() => {
            Err(Fault::Unwell(Unwell::new(Reason::Status, refusal.to_string())))
        }
        Err(refusal) => rejected(format!("{}: {refusal}", refusal.code())),
    }
}

/// Attributes that name the person where no NameID does (SAML V2.0 Subject Identifier Attributes Profile §3), the one
/// made for us first.
const SUBJECT_IDS: &[&str] = &[
    "urn:oasis:names:tc:SAML:attribute:pairwise-id",
    "urn:oasis:names:tc:SAML:attribute:subject-id",
];

/// The name of the person: the NameID, or an attribute with exactly one value (row SP17).
fn name(assertion: &VerifiedAssertion) -> Option<NameId> {
    let by_attribute = || {
        SUBJECT_IDS.iter().find_map(|id| match assertion.values(id)?[..] {
            [Some(value)] if !value.is_empty() => Some(NameId::new(value, name_id::UNSPECIFIED)),
            _ => None,
        })
    };
    assertion.name_id().cloned().or_else(by_attribute)
}

fn identity(assertion: &VerifiedAssertion) -> Result<Identity, Fault> {
    let Some(name) = &name(assertion) else {
        return rejected("the assertion names nobody: no NameID, no pairwise-id, no subject-id");
    };
    let mut attributes = attributes(assertion);
    attributes.insert(NAME_ID.to_owned(), name.value.clone().into());
    if Value::Object(attributes.clone()).to_string().len() > ATTRIBUTES_BYTES_MAX {
        return rejected(format!("the attributes have more than {ATTRIBUTES_BYTES_MAX} bytes"));
    }
    Ok(Identity {
        issuer: assertion.issuer().to_owned(),
        subject: name.value.clone(),
        account: None,
        authenticated_at: Some(assertion.authn_instant()),
        // With the same difference between clocks that let it in.
        until: assertion.session_not_on_or_after().map(|until| until.plus(SKEW_SECS)),
        attributes,
        incomplete: None,
        once: Some(Once { id: assertion.id().to_owned(), until: assertion.replay_until() }),
        kept: logout::keep(name, assertion.session_index()),
    })
}

/// Attributes by Name: one value as a text, several as a list, `xsi:nil` as null.
fn attributes(assertion: &VerifiedAssertion) -> Map<String, Value> {
    let mut attributes = Map::new();
    for attribute in assertion.attributes() {
        // The same Name may stand under several formats.
        let values = assertion.values(attribute.name()).unwrap_or_default();
        let mut values = values.into_iter().map(|value| value.map_or(Value::Null, Value::from));
        let value = match (values.next(), values.next()) {
            (None, _) => Value::Array(Vec::new()),
            (Some(one), None) => one,
            (Some(first), Some(second)) => [first, second].into_iter().chain(values).collect(),
        };
        attributes.insert(attribute.name().to_owned(), value);
    }
    attributes
}
