//! Applications: who signs people in, what they may read, and what a relying party needs.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::connectors::Connectors;
use super::names::Named;
use super::provider::Provider;
use super::{Linking, suggestion};
use crate::config::access::Authentication;
use crate::config::apps::{AccessTokenKind, GrantType, OidcApp as Written, ProxyApp as WrittenProxy};
use crate::config::codes as form;
use crate::config::section;
use crate::config::text::ClaimPath;
use crate::config::yaml::child;
use crate::diag::Level;
use crate::model::app::{App, OidcApp};
use crate::model::rules::{AttributePath, Authorization};
use crate::model::{ContinuityIndex, ProviderRef, SignIn, codes};
use crate::protocol::oauth::redirect_uri;
use crate::value::NonEmpty;
use crate::value::name::AppName;

pub(super) fn link(
    linking: &mut Linking<'_>,
    connectors: &Connectors,
    provider: Option<&Provider>,
) -> Vec<App> {
    let mut apps = Vec::new();
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    let mut clients: BTreeMap<String, String> = BTreeMap::new();
    let mut needs_provider: Option<String> = None;
    let entries = linking.list("apps");
    for (i, value) in entries.iter().enumerate() {
        let pointer = format!("/apps/{i}");
        let at_name = child(&pointer, "name");
        if let Some(name) = value.get("name").and_then(Value::as_str) {
            if let Some(first) = seen.get(name) {
                let also = linking.document.value(first);
                linking
                    .at_value(&codes::DUPLICATE_NAME, &at_name, format!("a second app is called `{name}`"))
                    .related
                    .push((also, "the first".into()));
            }
            seen.entry(name.to_owned()).or_insert(at_name);
        }
        let kind = value.get("type").and_then(Value::as_str).unwrap_or_default();
        if kind == "oidc" {
            needs_provider.get_or_insert(pointer.clone());
        }
        if linking.faulty.inside(&pointer) {
            continue;
        }
        match kind {
            "oidc" => {
                let Some(written) = section::read(linking.document, &pointer, value, linking.findings) else {
                    continue;
                };
                if let Some(app) = oidc(linking, &pointer, &written, connectors, &mut clients) {
                    apps.push(App::Oidc(Box::new(app)));
                }
            }
            "proxy" => {
                let written: Option<WrittenProxy> =
                    section::read(linking.document, &pointer, value, linking.findings);
                let Some(written) = written else { continue };
                if let Some(app) = super::proxy::link(linking, &pointer, &written, connectors) {
                    apps.push(App::Proxy(Box::new(app)));
                }
            }
            _ => {}
        }
    }
    if let Some(pointer) = needs_provider {
        super::provider::needed(linking, provider, &pointer);
    }
    apps
}

fn oidc(
    linking: &mut Linking<'_>,
    pointer: &str,
    written: &Written,
    connectors: &Connectors,
    clients: &mut BTreeMap<String, String>,
) -> Option<OidcApp> {
    let at = |key: &str| child(pointer, key);
    let before = linking.findings.len();
    if let Some(first) = clients.get(&written.client_id) {
        let also = linking.document.value(first);
        linking
            .at_value(
                &codes::DUPLICATE_NAME,
                &at("clientID"),
                format!("a second app has the client id `{}`", written.client_id),
            )
            .related
            .push((also, "the first".into()));
    }
    clients.entry(written.client_id.clone()).or_insert(at("clientID"));

    let listed = written.credentials.as_ref().map(|c| c.secrets.as_slice()).unwrap_or_default();
    if written.client_secret.is_some() && written.credentials.is_some() {
        let also = linking.document.key(&at("clientSecret"));
        let finding = linking.at_key(
            &form::ALIAS_CONFLICT,
            &at("credentials"),
            "`clientSecret` and `credentials` both give secrets",
        );
        finding.related.push((also, "the single secret".into()));
        finding.help = Some("Keep `credentials`, which takes several.".into());
    }
    let secrets: Vec<_> = written.client_secret.iter().chain(listed).cloned().collect();
    let public = written.public.unwrap_or(secrets.is_empty());
    if written.public == Some(true) && !secrets.is_empty() {
        linking
            .at_value(
                &codes::CONTRADICTION,
                &at("public"),
                "a public client keeps no secret, and this one has one",
            )
            .help = Some("Remove the secret, or `public`.".into());
    }
    if written.public == Some(false) && secrets.is_empty() {
        linking.at_value(&codes::MISSING_PART, &at("public"), "a confidential client needs a secret").help =
            Some("Add `clientSecret`.".into());
    }
    let grants = written.grant_types.clone().unwrap_or_else(|| vec![GrantType::AuthorizationCode]);
    for (i, grant) in grants.iter().enumerate() {
        if *grant != GrantType::AuthorizationCode {
            let place = format!("{}/{i}", at("grantTypes"));
            linking
                .at_value(&form::UNSUPPORTED_HERE, &place, "this grant is documented, and not run here yet")
                .help = Some("Only `authorization_code` is.".into());
        }
    }
    if written.redirect_urls.is_empty() && !linking.faulty.touches(&at("redirectURLs")) {
        let words =
            format!("the client `{}` has no redirect URL, so every request is refused", written.client_id);
        linking.at_value(&codes::CLIENT_WITHOUT_REDIRECT, pointer, words).help =
            Some("Add `redirectURLs`.".into());
    }
    for (i, uri) in written.redirect_urls.iter().enumerate() {
        if let Some(fault) = redirect_uri::registration_fault(uri) {
            linking.at_value(&form::BAD_VALUE, &format!("{}/{i}", at("redirectURLs")), fault);
        }
    }
    for (i, uri) in written.post_logout_redirect_urls.iter().enumerate() {
        if let Some(fault) = redirect_uri::registration_fault(uri) {
            linking.at_value(&form::BAD_VALUE, &format!("{}/{i}", at("postLogoutRedirectURLs")), fault);
        }
    }
    if let Some(url) = &written.backchannel_logout_url {
        let here = at("backchannelLogoutURL");
        if !linking.plain.permits(url) {
            let place = linking.document.value(&here);
            linking.push(form::plain_http(url).at(place));
        } else if url.url().fragment().is_some() {
            linking.at_value(&form::BAD_VALUE, &here, format!("`{url}` has a fragment"));
        }
    }
    let sign_in = match &written.authentication {
        Some(Authentication { idps: Some(idps), minimum_assurance, .. }) => Some(sign_in(
            linking,
            &child(&at("authentication"), "idps"),
            idps,
            *minimum_assurance,
            connectors,
        )),
        Some(_) => {
            linking
                .at_key(&form::MISSING_KEY, &at("authentication"), "`authentication` names no `idps`")
                .help = Some("Add `idps`.".into());
            None
        }
        None => {
            linking
                .at_value(
                    &form::MISSING_KEY,
                    pointer,
                    format!("the app `{}` does not say who signs people in", written.name),
                )
                .help = Some("Add `authentication` with `idps`.".into());
            None
        }
    };
    let usable = match &sign_in {
        Some(Some(sign_in)) => Usable::of(sign_in, connectors),
        _ => Usable::unknown(),
    };
    let (lookups, usable) =
        super::lookups::link(linking, &at("attrProviders"), &written.attr_providers, usable, connectors);
    let mut claims = Vec::new();
    let (mapping, base) = match &written.access_token.claims_mapping {
        Some(mapping) if written.claims_mapping.is_empty() => {
            (mapping, child(&at("accessToken"), "claimsMapping"))
        }
        _ => (&written.claims_mapping, at("claimsMapping")),
    };
    for (claim, path) in mapping {
        if let Some(path) = usable.path(linking, &child(&base, claim), path, connectors) {
            claims.push((claim.clone(), path));
        }
    }
    let authorization = match &written.authorization {
        None => Authorization::Everyone,
        Some(block) => authorization(linking, &at("authorization"), block, &usable, connectors),
    };
    let custom = written.access_token.custom_scopes.as_ref().unwrap_or(&written.custom_scopes);
    let default_secs = if written.access_token.kind == AccessTokenKind::Jwt { 600 } else { 3600 };
    let clean = linking.findings[before..].iter().all(|f| f.level < Level::Error);
    Some(OidcApp {
        name: AppName(written.name.clone()),
        client_id: written.client_id.clone(),
        secrets,
        public,
        require_pkce: written.require_pkce.unwrap_or(public),
        redirect_urls: written.redirect_urls.clone(),
        post_logout_redirect_urls: written.post_logout_redirect_urls.clone(),
        backchannel_logout: written.backchannel_logout_url.clone(),
        sign_in: sign_in.flatten()?,
        authorization,
        lookups,
        claims,
        custom_scopes: custom.scopes.iter().map(|s| s.name.clone()).collect(),
        access_token: written.access_token.kind,
        access_token_secs: written.access_token.lifetime_seconds.unwrap_or(default_secs),
        id_token_secs: written.id_token.lifetime_seconds.unwrap_or(3600),
        pointer: pointer.to_owned(),
    })
    .filter(|_| clean)
}

/// The providers of an `idps` list. `None` when one of them could not be resolved.
pub(super) fn sign_in(
    linking: &mut Linking<'_>,
    at: &str,
    idps: &[String],
    minimum_assurance: Option<u8>,
    connectors: &Connectors,
) -> Option<SignIn> {
    let mut providers = Vec::new();
    let mut complete = true;
    for (i, name) in idps.iter().enumerate() {
        let here = format!("{at}/{i}");
        if idps[..i].contains(name) {
            linking.at_value(&codes::DUPLICATE_NAME, &here, format!("`{name}` is listed twice"));
            continue;
        }
        match connectors.names.by_name.get(name) {
            Some(Named::Known(provider)) => {
                can_sign_in(linking, *provider, connectors, &here);
                providers.push(*provider);
            }
            // A name nobody has is told with all other names.
            Some(Named::Broken) | None => complete = false,
        }
    }
    if !complete {
        return None;
    }
    Some(SignIn { providers: NonEmpty::new(providers)?, minimum_assurance })
}

/// Everyone a sign-in may be sent to must be able to bring people back.
fn can_sign_in(linking: &mut Linking<'_>, provider: ProviderRef, connectors: &Connectors, from: &str) {
    let members = match provider {
        ProviderRef::Idp(index) => vec![index],
        ProviderRef::Continuity(index) => connectors.continuity[index.0].members.as_slice().to_vec(),
    };
    for index in members {
        let idp = &connectors.idps[index.0];
        if let Err(key) = idp.config.can_sign_in() {
            let place = linking.document.value(&idp.pointer);
            let told = linking
                .findings
                .iter()
                .any(|f| f.code == &codes::MISSING_PART && f.place.as_ref() == Some(&place));
            if !told && !linking.faulty.touches(&child(&idp.pointer, key)) {
                let also = linking.document.value(from);
                let words = format!("an app signs in with `{}`, which has no `{key}`", idp.name);
                let finding = linking.at_value(&codes::MISSING_PART, &idp.pointer, words);
                finding.related.push((also, "used here".into()));
                finding.help = Some(format!("Add `{key}`: the address at which its answers arrive."));
            }
        }
    }
}

pub(super) fn authorization(
    linking: &mut Linking<'_>,
    at: &str,
    written: &crate::config::access::Authorization,
    usable: &Usable,
    connectors: &Connectors,
) -> Authorization {
    let mut faults = Vec::new();
    let linked = Authorization::of(written, &connectors.manners, &mut faults);
    for (suffix, words) in faults {
        linking.at_value(&form::BAD_VALUE, &format!("{at}{suffix}"), words);
    }
    if let Authorization::Rules(rule) = &linked {
        let mut paths = Vec::new();
        rule.paths(&mut paths);
        for path in paths {
            usable.check(linking, &child(at, "rules"), path, connectors);
        }
    }
    linked
}

/// The connectors whose attributes an app may read.
pub(super) struct Usable {
    names: Option<BTreeSet<String>>,
}

impl Usable {
    /// Those in its `idps`, members of continuity connectors among them.
    pub(super) fn of(sign_in: &SignIn, connectors: &Connectors) -> Self {
        let mut names = BTreeSet::new();
        for provider in &sign_in.providers {
            match *provider {
                ProviderRef::Idp(index) => {
                    names.insert(connectors.idps[index.0].name.0.clone());
                }
                ProviderRef::Continuity(index) => {
                    let group = &connectors.continuity[index.0];
                    names.insert(group.name.0.clone());
                    names.extend(group.members.iter().map(|m| connectors.idps[m.0].name.0.clone()));
                }
            }
        }
        Usable { names: Some(names) }
    }

    /// Not known, because the sign-in has faults of its own.
    pub(super) fn unknown() -> Self {
        Usable { names: None }
    }

    /// And one more.
    pub(super) fn and(mut self, name: &str) -> Self {
        if let Some(names) = &mut self.names {
            names.insert(name.to_owned());
        }
        self
    }

    /// The union of several.
    pub(super) fn union(parts: impl IntoIterator<Item = Usable>) -> Self {
        let mut names = BTreeSet::new();
        for part in parts {
            match part.names {
                Some(more) => names.extend(more),
                None => return Usable::unknown(),
            }
        }
        Usable { names: Some(names) }
    }

    /// Parses and checks a bare path.
    pub(super) fn path(
        &self,
        linking: &mut Linking<'_>,
        at: &str,
        text: &str,
        connectors: &Connectors,
    ) -> Option<AttributePath> {
        match ClaimPath::parse(text) {
            Ok(path) => {
                let path = AttributePath::of(&path, &connectors.manners);
                self.check(linking, at, &path, connectors).then_some(path)
            }
            Err(words) => {
                linking.at_value(&codes::BAD_CLAIM_PATH, at, words);
                None
            }
        }
    }

    /// Whether a path leads somewhere; reports it when not.
    pub(super) fn check(
        &self,
        linking: &mut Linking<'_>,
        at: &str,
        path: &AttributePath,
        connectors: &Connectors,
    ) -> bool {
        let Some(names) = &self.names else { return false };
        if !names.contains(&path.connector) {
            if connectors.names.unsure {
                return false;
            }
            let help = suggestion(&path.connector, names.iter().map(String::as_str), "connector of this app");
            let words = match connectors.names.by_name.contains_key(&path.connector) {
                true => format!("this app does not sign in with `{}`", path.connector),
                false => format!("there is no connector `{}`", path.connector),
            };
            linking.at_value(&codes::BAD_CLAIM_PATH, at, words).help = Some(help);
            return false;
        }
        let Some(Named::Known(ProviderRef::Continuity(index))) =
            connectors.names.by_name.get(&path.connector)
        else {
            return true;
        };
        let Some(rules) = &connectors.continuity[index.0].attributes else { return true };
        let first = path.path.segments.first().map(String::as_str).unwrap_or_default();
        let known = first == "authenticated" || rules.iter().any(|rule| rule.name == first);
        if !known && !connectors.unsure_attributes.contains(&ContinuityIndex(index.0)) {
            let help = suggestion(first, rules.iter().map(|r| r.name.as_str()), "attribute");
            let words = format!("`{}` has no attribute `{first}`", path.connector);
            linking.at_value(&codes::BAD_CLAIM_PATH, at, words).help = Some(help);
        }
        known
    }
}
