//! Proxied applications: routes, policies, headers.

use std::collections::BTreeSet;

use http::HeaderName;
use regex::Regex;

use super::connectors::Connectors;
use super::{Linking, apps};
use crate::config::apps::{BODY_BYTES_MAX, ProxyApp as Written};
use crate::config::codes as form;
use crate::config::text::Template as WrittenTemplate;
use crate::config::yaml::child;
use crate::diag::Level;
use crate::model::app::{Lookup, Policies, Policy, ProxyApp, RoutePattern};
use crate::model::codes;
use crate::model::rules::{AttributePath, Authorization, Template};
use crate::value::NonEmpty;
use crate::value::name::{AppName, TlsName};

/// Headers that a configuration may not set: framing, routing and our own cookies.
const RESERVED: &[&str] = &[
    "host",
    "cookie",
    "content-length",
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Largest compiled size of a location's expression, in bytes.
const REGEX_BYTES_MAX: usize = 1024 * 1024;

pub(super) fn link(
    linking: &mut Linking<'_>,
    pointer: &str,
    written: &Written,
    connectors: &Connectors,
) -> Option<ProxyApp> {
    let at = |key: &str| child(pointer, key);
    let before = linking.findings.len();
    let mut routes = Vec::new();
    for (i, text) in written.route_patterns.iter().enumerate() {
        match RoutePattern::parse(text) {
            Ok(pattern) => routes.push(pattern),
            Err(words) => {
                linking.at_value(&form::BAD_VALUE, &format!("{}/{i}", at("routePatterns")), words);
            }
        }
    }
    let (policies, lookups, usable) = policies(linking, pointer, written, connectors);
    let mut headers = Vec::new();
    for (i, header) in written.headers.iter().enumerate() {
        let here = format!("{}/{i}", at("headers"));
        let (Some(name), Some(value)) = (&header.name, &header.value) else {
            if header.create_header_se.is_none() {
                let missing = if header.name.is_none() { "name" } else { "value" };
                linking.at_value(&form::MISSING_KEY, &here, format!("a header has no `{missing}`")).help =
                    Some(format!("Add `{missing}`."));
            }
            continue;
        };
        if RESERVED.contains(&name.to_ascii_lowercase().as_str()) {
            let words = format!("`{name}` belongs to the connection and cannot be set");
            linking.at_value(&form::BAD_VALUE, &child(&here, "name"), words);
            continue;
        }
        let at_value = child(&here, "value");
        match (HeaderName::try_from(name.as_str()), WrittenTemplate::parse(value)) {
            (Ok(name), Ok(template)) => {
                for path in template.paths() {
                    usable.check(
                        linking,
                        &at_value,
                        &AttributePath::of(path, &connectors.manners),
                        connectors,
                    );
                }
                headers.push((name, Template::of(&template, &connectors.manners)));
            }
            (_, Err(words)) => {
                linking.at_value(&codes::BAD_CLAIM_PATH, &at_value, words);
            }
            (Err(_), _) => {
                linking.at_value(
                    &form::BAD_VALUE,
                    &child(&here, "name"),
                    format!("`{name}` is not a header name"),
                );
            }
        }
    }
    let logout = written.logout.as_ref().and_then(|logout| super::logout::of_app(linking, pointer, logout));
    let clean = linking.findings[before..].iter().all(|f| f.level < Level::Error);
    Some(ProxyApp {
        name: AppName(written.name.clone()),
        routes: NonEmpty::new(routes)?,
        upstream: written.upstream.clone(),
        tls: written.tls.clone().map(TlsName),
        preserve_host: written.preserve_host,
        preserve_authorization: written.preserve_authorization,
        unauthorized_page: written.unauthorized_page.clone(),
        headers,
        policies,
        lookups,
        logout,
        body_bytes_max: written.max_body_bytes.unwrap_or(BODY_BYTES_MAX),
        upstream_secs: written.upstream_timeout_seconds.unwrap_or(60),
        pointer: pointer.to_owned(),
    })
    .filter(|_| clean)
}

fn policies(
    linking: &mut Linking<'_>,
    pointer: &str,
    written: &Written,
    connectors: &Connectors,
) -> (Policies, Vec<Lookup>, apps::Usable) {
    let mut regexes: Vec<(Regex, Policy)> = Vec::new();
    let mut prefixes: Vec<(String, Policy)> = Vec::new();
    let mut usable = Vec::new();
    let mut seen: BTreeSet<&str> = BTreeSet::new();
    let mut pending = Vec::new();
    for (i, policy) in written.policies.iter().enumerate() {
        let here = format!("{pointer}/policies/{i}");
        if !seen.insert(&policy.location) {
            let words = format!("the location `{}` has a policy already", policy.location);
            linking.at_value(&codes::ROUTE_CONFLICT, &child(&here, "location"), words);
        }
        let authentication = policy.authentication.as_ref();
        let open = authentication.is_some_and(|a| a.allow_unauthenticated);
        let idps = authentication.and_then(|a| a.idps.as_ref());
        let sign_in = idps.map(|idps| {
            let level = authentication.and_then(|a| a.minimum_assurance);
            apps::sign_in(linking, &format!("{here}/authentication/idps"), idps, level, connectors)
        });
        match &sign_in {
            Some(Some(sign_in)) => usable.push(apps::Usable::of(sign_in, connectors)),
            Some(None) => usable.push(apps::Usable::unknown()),
            None if !open => {
                let place =
                    if authentication.is_some() { child(&here, "authentication") } else { here.clone() };
                linking
                    .at_value(
                        &form::MISSING_KEY,
                        &place,
                        format!("the policy of `{}` does not say who signs people in", policy.location),
                    )
                    .help = Some("Add `authentication.idps`, or `allowUnauthenticated: true`.".into());
                usable.push(apps::Usable::unknown());
            }
            None => {}
        }
        pending.push((here, policy, open, sign_in.flatten()));
    }
    let usable = apps::Usable::union(usable);
    let at = child(pointer, "attrProviders");
    let (lookups, usable) = super::lookups::link(linking, &at, &written.attr_providers, usable, connectors);
    for (here, policy, open, sign_in) in pending {
        let authorization = match &policy.authorization {
            Some(block) => {
                apps::authorization(linking, &child(&here, "authorization"), block, &usable, connectors)
            }
            None => Authorization::Nobody,
        };
        let linked =
            Policy { allow_unauthenticated: open, sign_in, authorization, location: policy.location.clone() };
        match policy.location.strip_prefix("~ ") {
            None => {
                // Requests are judged by their canonical path; a location in another spelling would match none,
                // and a laxer one would decide in its place.
                let canonical = crate::value::path::canonical(&policy.location);
                if canonical.as_deref() != Ok(policy.location.as_str()) {
                    let words =
                        format!("`{}` is not how paths are written when they are judged", policy.location);
                    linking.at_value(&form::BAD_VALUE, &child(&here, "location"), words).help =
                        Some(match canonical {
                            Ok(canonical) => format!("Write `{canonical}`."),
                            Err(fault) => format!("{fault}."),
                        });
                }
                prefixes.push((policy.location.clone(), linked));
            }
            Some(text) => match regex::RegexBuilder::new(text).size_limit(REGEX_BYTES_MAX).build() {
                Ok(regex) => regexes.push((regex, linked)),
                Err(error) => {
                    let words = format!("`{text}` is not a regular expression: {error}");
                    linking.at_value(&form::BAD_VALUE, &child(&here, "location"), words);
                }
            },
        }
    }
    (Policies::new(regexes, prefixes), lookups, usable)
}
