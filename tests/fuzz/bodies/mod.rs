//! What is true whatever the bytes are: one body for each target, called by the fuzzer of that name and, for
//! every file of its corpus, by `tests/corpus.rs`.

mod cookies;
mod ldap_results;
mod redirects;
mod saml;
mod saml_metadata;
mod saml_redirect;
mod saml_response;
mod yaml;

/// A target.
pub struct Target {
    /// Its name: a folder in `corpus`, a file in `targets`.
    pub name: &'static str,
    /// Fails by panicking.
    pub body: fn(&[u8]),
    /// Inputs that are accepted, by name, where it takes a key to make some: with them the body is known to
    /// judge something, and a fuzzer has where to begin.
    #[allow(dead_code, reason = "the fuzzers find them in the corpus")]
    pub genuine: fn() -> Vec<(String, Vec<u8>)>,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "cookies", body: cookies::body, genuine: Vec::new },
    Target { name: "ldap_results", body: ldap_results::body, genuine: ldap_results::genuine },
    Target { name: "redirects", body: redirects::body, genuine: Vec::new },
    Target { name: "saml_metadata", body: saml_metadata::body, genuine: saml_metadata::genuine },
    Target { name: "saml_redirect", body: saml_redirect::body, genuine: saml_redirect::genuine },
    Target { name: "saml_response", body: saml_response::body, genuine: saml_response::genuine },
    Target { name: "yaml", body: yaml::body, genuine: Vec::new },
];

/// Runs the body of that name.
#[allow(dead_code, reason = "the replay walks the table instead")]
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of that name");
    (target.body)(data);
}
