//! The authentication request (protocol rows SP01 to SP03, SP20): by HTTP-POST where the provider takes that, else
//! by HTTP-Redirect.

use super::SamlConnector;
use crate::connector::{Begin, BeginRequest, Fault, Kept};
use crate::protocol::saml::keys::OwnKey;
use crate::protocol::saml::message::{Common, Outgoing, new_id};
use crate::protocol::saml::metadata::{Binding, Endpoint, IdpMetadata};
use crate::protocol::saml::redirect;
use crate::protocol::saml::request::AuthnRequest;

/// Kept of a request: its id.
pub(super) const REQUEST_ID: &str = "request_id";
/// Kept of a request: the entity id of the provider it went to.
pub(super) const ISSUER: &str = "issuer";
/// Kept of a request: where the answer must arrive.
pub(super) const REDIRECT_URI: &str = "redirect_uri";

/// Sends the browser away.
pub(super) async fn begin(connector: &SamlConnector, request: &BeginRequest) -> Result<Begin, Fault> {
    let known = connector.metadata.current().await.map_err(Fault::Unwell)?;
    let metadata = &known.0;
    let force = request.force_login || request.max_age.is_some();
    let endpoint = metadata.sso(Binding::Post).or_else(|| metadata.sso(Binding::Redirect));
    let endpoint = endpoint.ok_or(Fault::Unsupported("the provider has no endpoint for a binding of ours"))?;
    let outgoing = authn_request(connector, metadata, endpoint, force)?;
    let kept = Kept::from([
        (REQUEST_ID.to_owned(), outgoing.id().to_owned()),
        (ISSUER.to_owned(), metadata.entity_id().to_owned()),
        (REDIRECT_URI.to_owned(), connector.acs().to_owned()),
    ]);
    let way = Way { binding: endpoint.binding, destination: &endpoint.location, key: connector.key() };
    way.carry(&outgoing, Some(&request.state), kept)
}

/// A well-formed request for an endpoint.
pub(super) fn authn_request(
    connector: &SamlConnector,
    metadata: &IdpMetadata,
    endpoint: &Endpoint,
    force_authn: bool,
) -> Result<Outgoing, Fault> {
    if metadata.wants_signed_requests() && connector.key().is_none() {
        return Err(Fault::Unsupported(
            "the provider wants signed requests: give samlSPKeyPath and samlSPCertPath",
        ));
    }
    let request = AuthnRequest {
        common: Common {
            id: &new_id(&connector.entropy),
            issuer: &connector.entity_id,
            destination: &endpoint.location,
            issued: connector.clock.unix(),
        },
        acs: connector.acs(),
        force_authn,
        is_passive: false,
        name_id_format: connector.config.saml_name_id_format.as_deref(),
        authn_contexts: &[],
    };
    Ok(request.build())
}

/// How a browser carries a message of ours.
pub(super) struct Way<'a> {
    /// By form or by address.
    pub(super) binding: Binding,
    /// Where it goes.
    pub(super) destination: &'a str,
    /// Signs it, where there is one.
    pub(super) key: Option<&'a OwnKey>,
}

impl Way<'_> {
    /// What the browser does to carry it.
    pub(super) fn carry(
        &self,
        outgoing: &Outgoing,
        relay_state: Option<&str>,
        kept: Kept,
    ) -> Result<Begin, Fault> {
        let failed = |error: String| Fault::Rejected(format!("a message of ours could not be made: {error}"));
        match self.binding {
            Binding::Redirect => {
                let url = redirect::encode(outgoing, self.destination, relay_state, self.key);
                Ok(Begin::Redirect { url: url.map_err(|e| failed(e.to_string()))?, kept })
            }
            Binding::Post => {
                let message = outgoing.post(self.key).map_err(|e| failed(e.to_string()))?;
                let mut fields = vec![(outgoing.kind().parameter().to_owned(), message)];
                fields.extend(relay_state.map(|state| ("RelayState".to_owned(), state.to_owned())));
                Ok(Begin::FormPost { action: self.destination.to_owned(), fields, kept })
            }
        }
    }
}
