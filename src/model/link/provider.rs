//! The OpenID provider: issuer, addresses, keys.

use super::Linking;
use crate::config::codes as form;
use crate::config::providers::OidcProvider as Written;
use crate::config::yaml::child;
use crate::model::app::{Endpoints, KeyMaterial, OidcProvider, SigningKeySource};
use crate::model::codes;
use crate::value::{NonEmpty, WebUrl};

const AT: &str = "/oidcProvider";

/// The provider, and what is missing in it should an app need it.
pub(super) struct Provider {
    pub(super) linked: Option<OidcProvider>,
    missing: Vec<(String, &'static str)>,
}

/// Links the block, if there is one.
pub(super) fn link(linking: &mut Linking<'_>) -> Option<Provider> {
    linking.document.root.get("oidcProvider")?;
    let Some(written) = linking.present::<Written>("oidcProvider") else {
        return Some(Provider { linked: None, missing: Vec::new() });
    };
    let mut missing = Vec::new();
    let issuer = match &written.discovery.issuer {
        None => {
            missing.push((format!("{AT}/discovery/issuer"), "an issuer (`discovery.issuer`)"));
            None
        }
        Some(text) => url(linking, "/oidcProvider/discovery/issuer", text),
    };
    let keys = keys(linking, &written);
    if written.jwks.is_none() {
        missing.push((format!("{AT}/jwks"), "a signing key (`jwks`)"));
    }
    let linked = issuer.and_then(|issuer| {
        let endpoints = endpoints(linking, &written, &issuer)?;
        Some(OidcProvider {
            endpoints,
            keys: NonEmpty::new(keys)?,
            correlate_session: written.correlate_session.unwrap_or(true),
            issuer,
            pointer: AT.into(),
        })
    });
    Some(Provider { linked, missing })
}

/// An app of type `oidc` exists: says what the provider lacks.
pub(super) fn needed(linking: &mut Linking<'_>, provider: Option<&Provider>, app: &str) {
    let also = linking.document.value(&child(app, "type"));
    let Some(provider) = provider else {
        if !linking.faulty.touches(AT) {
            let words = "an app of type `oidc` needs the OpenID provider, and there is no `oidcProvider`";
            let finding = linking.at_value(&codes::MISSING_PART, "", words);
            finding.related.push((also, "needed by this app".into()));
            finding.help = Some("Add `oidcProvider` with an issuer and a signing key.".into());
        }
        return;
    };
    for (pointer, what) in &provider.missing {
        if linking.faulty.touches(pointer) {
            continue;
        }
        let parent = pointer.rsplit_once('/').map_or(AT, |(parent, _)| parent);
        let finding =
            linking.at_key(&codes::MISSING_PART, parent, format!("the OpenID provider has not {what}"));
        finding.related.push((also.clone(), "needed by this app".into()));
        finding.help = Some("Add it.".into());
    }
}

fn url(linking: &mut Linking<'_>, at: &str, text: &str) -> Option<WebUrl> {
    match WebUrl::parse(text) {
        Ok(url) if linking.plain.permits(&url) => Some(url),
        Ok(url) => {
            let place = linking.document.value(at);
            linking.push(form::plain_http(&url).at(place));
            None
        }
        Err(words) => {
            linking.at_value(&form::BAD_VALUE, at, words);
            None
        }
    }
}

fn endpoints(linking: &mut Linking<'_>, written: &Written, issuer: &WebUrl) -> Option<Endpoints> {
    let base = issuer.as_str().trim_end_matches('/');
    let written = &written.discovery.endpoints;
    let mut one = |key: &str, text: &Option<String>, path: &str| {
        let text = text.as_deref().filter(|t| !t.is_empty());
        match text {
            Some(text) => url(linking, &format!("{AT}/discovery/endpoints/{key}"), text),
            None => WebUrl::parse(&format!("{base}{path}")).ok(),
        }
    };
    let well_known = written.well_known.as_deref().filter(|t| !t.is_empty()).map(str::to_owned);
    Some(Endpoints {
        auth: one("auth", &written.auth, "/oauth2/auth")?,
        token: one("token", &written.token, "/oauth2/token")?,
        jwks: one("jwks", &written.jwks, "/oauth2/jwks")?,
        userinfo: one("userinfo", &written.userinfo, "/oauth2/userinfo")?,
        end_session: one("endSession", &written.end_session, "/oauth2/logout")?,
        well_known: match well_known {
            Some(text) => Some(one("wellKnown", &Some(text), "")?),
            None => None,
        },
    })
}

fn keys(linking: &mut Linking<'_>, written: &Written) -> Vec<SigningKeySource> {
    let mut keys = Vec::new();
    for (i, key) in written.jwks.iter().flatten().enumerate() {
        let at = format!("{AT}/jwks/{i}");
        let material = match (&key.file, &key.private_key) {
            (Some(file), None) => KeyMaterial::File(file.clone()),
            (None, Some(pem)) => KeyMaterial::Pem(pem.clone()),
            (Some(_), Some(_)) => {
                linking
                    .at_value(&codes::CONTRADICTION, &at, "a key is either a `file` or a `privateKey`")
                    .help = Some("Keep one.".into());
                continue;
            }
            (None, None) => {
                linking
                    .at_value(&form::MISSING_KEY, &at, format!("`oidcProvider.jwks[{i}]` has no `file`"))
                    .help = Some("Add `file` (or `privateKey`): the PEM private key.".into());
                continue;
            }
        };
        keys.push(SigningKeySource {
            name: key.name.clone().unwrap_or_else(|| format!("key {i}")),
            material,
            algorithm: key.algorithm,
        });
    }
    keys
}
