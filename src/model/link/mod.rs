//! Sections to a deployment: each name resolved once, every loose end reported. A mistake that the form
//! check already told is not told again through what refers to it.

pub(super) mod admin;
mod apps;
mod caches;
mod connectors;
mod logout;
mod lookups;
mod names;
mod provider;
mod proxy;
mod references;
mod routes;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{Deployment, codes};
use crate::config::check::{Faulty, Reference};
use crate::config::features;
use crate::config::http::Http;
use crate::config::section;
use crate::config::tls::Profile;
use crate::config::yaml::{Document, child};
use crate::diag::Diagnostic;
use crate::value::url::PlainHttp;

pub(super) use names::Names;

/// What every step of linking sees.
struct Linking<'a> {
    document: &'a Document,
    faulty: &'a Faulty,
    plain: &'a PlainHttp,
    findings: &'a mut Vec<Diagnostic>,
}

impl<'a> Linking<'a> {
    /// A top-level section, typed; its default when it is absent or has faults.
    fn section<T: for<'de> Deserialize<'de> + Default>(&mut self, key: &str) -> T {
        self.present(key).unwrap_or_default()
    }

    fn present<T: for<'de> Deserialize<'de>>(&mut self, key: &str) -> Option<T> {
        let pointer = child("", key);
        let value = self.document.root.get(key)?;
        if self.faulty.inside(&pointer) {
            return None;
        }
        section::read(self.document, &pointer, value, self.findings)
    }

    fn list(&self, key: &str) -> &'a [Value] {
        self.document.root.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// A finding at the value of a node.
    fn at_value(
        &mut self,
        code: &'static crate::diag::Code,
        pointer: &str,
        words: impl Into<String>,
    ) -> &mut Diagnostic {
        let place = self.document.value(pointer);
        self.push(Diagnostic::new(code, words).at(place))
    }

    /// A finding at the key of a node.
    fn at_key(
        &mut self,
        code: &'static crate::diag::Code,
        pointer: &str,
        words: impl Into<String>,
    ) -> &mut Diagnostic {
        let place = self.document.key(pointer);
        self.push(Diagnostic::new(code, words).at(place))
    }

    fn push(&mut self, finding: Diagnostic) -> &mut Diagnostic {
        self.findings.push(finding);
        self.findings.last_mut().expect("one was just pushed")
    }
}

/// "Did you mean", or what there is.
fn suggestion<'a>(name: &str, known: impl Iterator<Item = &'a str> + Clone, what: &str) -> String {
    match crate::diag::did_you_mean(name, known.clone()) {
        Some(guess) => format!("Did you mean `{guess}`?"),
        None => {
            let all: Vec<&str> = known.collect();
            if all.is_empty() {
                format!("No {what} is defined.")
            } else {
                format!("Defined: {}.", all.join(", "))
            }
        }
    }
}

/// Links a document. `None` when it is not even worth asking what it would mean.
pub(super) fn link(
    document: &Arc<Document>,
    faulty: &Faulty,
    references: &[Reference],
    plain: &PlainHttp,
    findings: &mut Vec<Diagnostic>,
) -> Option<Deployment> {
    document.root.as_object()?;
    let mut linking = Linking { document, faulty, plain, findings };
    top_level(&mut linking);
    let tls: BTreeMap<String, Profile> = linking.section("tls");
    let http: Http = linking.section("http");
    check_http(&mut linking, &http, &tls);
    caches::check(&mut linking);
    let connectors = connectors::link(&mut linking);
    let provider = provider::link(&mut linking);
    let apps = apps::link(&mut linking, &connectors, provider.as_ref());
    references::check(&mut linking, references, &connectors.names);
    let version = document.root.get("version").map(|v| super::attributes::text_of(v).into_owned());
    let deployment = Deployment {
        document: document.clone(),
        version,
        http,
        tls,
        session: linking.section("session"),
        logger: linking.section("logger"),
        health: linking.section("health"),
        admin: linking.present("admin"),
        idps: connectors.idps,
        continuity: connectors.continuity,
        apps,
        oidc_provider: provider.and_then(|p| p.linked),
        single_logout: logout::single(&mut linking),
    };
    routes::check(&mut linking, &deployment);
    admin::check(&mut linking, &deployment);
    Some(deployment)
}

fn top_level(linking: &mut Linking<'_>) {
    let root = &linking.document.root;
    if root.get("version").is_none() && !linking.faulty.touches("/version") {
        let place = crate::diag::Place { file: linking.document.file, span: 0..0 };
        linking.push(
            Diagnostic::new(&crate::config::codes::NO_VERSION, "this configuration has no `version` label")
                .at(place)
                .help("Add `version: \"1\"` at the top."),
        );
    }
    let names: Vec<String> = root
        .get("features")
        .and_then(Value::as_object)
        .map(|f| f.keys().cloned().collect())
        .unwrap_or_default();
    for name in names.iter().filter(|name| !features::KNOWN.contains(&name.as_str())) {
        let pointer = child("/features", name);
        linking.at_key(&codes::UNKNOWN_FEATURE, &pointer, format!("no feature is called `{name}`"));
    }
}

fn check_http(linking: &mut Linking<'_>, http: &Http, tls: &BTreeMap<String, Profile>) {
    for (i, entry) in http.trusted_proxies.iter().enumerate() {
        if entry.parse::<ipnet::IpNet>().is_err() && entry.parse::<std::net::IpAddr>().is_err() {
            let words = format!("`{entry}` is neither an address nor a CIDR block");
            linking.at_value(&crate::config::codes::BAD_VALUE, &format!("/http/trustedProxies/{i}"), words);
        }
    }
    if let Some(name) = &http.tls {
        server_profile(linking, name, "/http/tls", tls);
    }
    let Some(hosts) = &http.hosts else { return };
    if http.tls.is_some() {
        linking
            .at_key(
                &codes::CONTRADICTION,
                "/http/hosts",
                "`http.tls` and `http.hosts` both choose certificates",
            )
            .help = Some("Keep `hosts`, and mark one entry `default: true`.".into());
    }
    for (i, host) in hosts.iter().enumerate() {
        let at = format!("/http/hosts/{i}");
        server_profile(linking, &host.tls, &format!("{at}/tls"), tls);
        if host.name.is_none() && !host.default {
            linking
                .at_value(&crate::config::codes::MISSING_KEY, &at, format!("`http.hosts[{i}]` has no `name`"))
                .help = Some("Add `name`, or `default: true`.".into());
        }
    }
    if let Some(second) = hosts.iter().enumerate().filter(|(_, h)| h.default).nth(1) {
        linking.at_value(
            &codes::CONTRADICTION,
            &format!("/http/hosts/{}", second.0),
            "two entries are the default",
        );
    }
}

/// A listener shows a certificate, so its profile must have one.
fn server_profile(linking: &mut Linking<'_>, name: &str, at: &str, tls: &BTreeMap<String, Profile>) {
    let Some(profile) = tls.get(name).filter(|profile| profile.cert_file.is_none()) else { return };
    if profile.key_file.is_none() {
        let also = linking.document.key(&child("/tls", name));
        let words = format!("the TLS profile `{name}` has no certificate, and a listener needs one");
        let finding = linking.at_value(&codes::MISSING_PART, at, words);
        finding.related.push((also, "the profile".into()));
        finding.help = Some("Add `certFile` and `keyFile` to the profile.".into());
    }
}
