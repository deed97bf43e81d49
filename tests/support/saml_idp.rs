//! The SAML provider by others: `tests/peers/saml_idp.py` on pysaml2, which signs and encrypts with xmlsec1.

use std::process::{Command, Stdio};

use serde_json::Value;

use super::browser::{Browser, Request};
use super::{Peer, Scratch, free_port, skip};

/// What the provider is told at its start.
pub struct Plan<'a> {
    /// People by user name; the password of each is `password-of-` and that name. What they have becomes
    /// attributes, except `name_id`.
    pub people: Value,
    /// Service providers, each by the file or the address of its metadata, which is fetched when first needed.
    pub services: &'a [&'a str],
    /// The same port again after a restart.
    pub port: u16,
    /// Whether signing keys outlive the process.
    pub keeps_keys: bool,
    /// More of its command line; see the head of the script.
    pub arguments: &'a [&'a str],
}

impl<'a> Plan<'a> {
    pub fn new(people: Value, services: &'a [&'a str]) -> Self {
        Plan { people, services, port: free_port(), keeps_keys: false, arguments: &[] }
    }
}

/// The provider, until it is dropped.
pub struct SamlIdp {
    pub peer: Peer,
    pub port: u16,
    /// Scheme, host and port.
    pub base: String,
    pub entity_id: String,
    /// Where its metadata is.
    pub metadata: String,
}

impl SamlIdp {
    /// `None` when the test is to be skipped.
    pub fn start(scratch: &Scratch, plan: &Plan<'_>) -> Option<Self> {
        if !has_xmlsec() {
            skip("xmlsec1");
            return None;
        }
        let port = plan.port.to_string();
        let people = scratch.write(&format!("people-{port}.json"), &plan.people.to_string());
        let state = scratch.path(&format!("saml-idp-{port}"));
        let mut arguments = vec!["--port", &port, "--users", people.to_str()?];
        arguments.extend(plan.services.iter().flat_map(|service| ["--sp", service]));
        if plan.keeps_keys {
            arguments.extend(["--state", state.to_str()?]);
        }
        arguments.extend(plan.arguments);
        let peer = Peer::python(scratch, "saml_idp.py", &arguments)?;
        let text = |member: &str| peer.text(member).to_owned();
        let (base, entity_id, metadata) = (text("base"), text("issuer"), text("metadata"));
        Some(SamlIdp { peer, port: plan.port, base, entity_id, metadata })
    }

    /// Changes something while it runs: `keys?do=add`, `options?sign=response`, `services`.
    #[track_caller]
    pub fn control(&self, browser: &mut Browser, what: &str) -> Value {
        let answer = browser.send(&Request::new("POST", &format!("{}/control/{what}", self.base)));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Messages it has received and believed, oldest first.
    #[track_caller]
    pub fn seen(&self, browser: &mut Browser) -> Vec<Value> {
        let seen = browser.get(&format!("{}/control/seen", self.base)).json();
        seen.as_array().expect("a list").clone()
    }
}

fn has_xmlsec() -> bool {
    let mut command = Command::new("xmlsec1");
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
