//! Authentication requests of ours (Core §3.4, Web Browser SSO Profile §4.1.4.1).

use super::message::{Common, Kind, Outgoing, head};
use super::names::BINDING_POST;
use super::write::Writer;

/// What we ask of a provider. The answer is always to come by HTTP-POST to `acs`.
#[derive(Debug, Clone, Copy)]
pub struct AuthnRequest<'a> {
    /// Id, issuer, destination, instant.
    pub common: Common<'a>,
    /// Our assertion consumer service, as our metadata has it.
    pub acs: &'a str,
    /// The person is to prove who they are again.
    pub force_authn: bool,
    /// The person is not to be asked anything.
    pub is_passive: bool,
    /// The format of the name wanted; without one the provider chooses.
    pub name_id_format: Option<&'a str>,
    /// Authentication contexts, one of which is wanted exactly; none: whatever the provider does.
    pub authn_contexts: &'a [&'a str],
}

impl AuthnRequest<'_> {
    /// The message.
    pub fn build(&self) -> Outgoing {
        let mut extra = vec![("AssertionConsumerServiceURL", self.acs), ("ProtocolBinding", BINDING_POST)];
        if self.force_authn {
            extra.push(("ForceAuthn", "true"));
        }
        if self.is_passive {
            extra.push(("IsPassive", "true"));
        }
        let mut writer = Writer::new();
        if let Some(format) = self.name_id_format {
            writer.empty("samlp:NameIDPolicy", &[("Format", format), ("AllowCreate", "true")]);
        }
        if !self.authn_contexts.is_empty() {
            writer.open("samlp:RequestedAuthnContext", &[("Comparison", "exact")]);
            for context in self.authn_contexts {
                writer.leaf("saml:AuthnContextClassRef", &[], context);
            }
            writer.close("samlp:RequestedAuthnContext");
        }
        writer.close("samlp:AuthnRequest");
        Outgoing {
            kind: Kind::Request,
            id: self.common.id.to_owned(),
            head: head("AuthnRequest", &self.common, &extra),
            tail: writer.finish(),
        }
    }
}
