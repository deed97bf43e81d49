//! The attack corpus. Every document is made by one mutation from one which is accepted, and has one refusal
//! that it must get: a document refused for another reason than expected is a check that nobody tested.

mod claims;
mod encryption;
mod others;
mod signatures;
mod text;
mod wrapping;

use std::collections::{BTreeMap, BTreeSet};

use maverics::protocol::saml::encryption::EncryptionFault;
use maverics::protocol::saml::response::Refusal;
use maverics::protocol::saml::signature::SignatureFault;
use maverics::protocol::saml::xml::XmlFault;

use super::scene::*;

/// What an attack begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// A signed document, mutated by somebody without the key.
    Signed(Shape),
    /// A document that is mutated first and signed by the provider afterwards: a provider of another standard,
    /// or an answer meant for somebody else.
    Sealed(Shape),
}

/// What is done to it.
pub enum Mutation {
    /// This, which is there exactly once, becomes that.
    Swap(&'static str, &'static str),
    /// This, which is there, becomes that everywhere.
    SwapAll(&'static str, &'static str),
    /// Something else.
    By(fn(&str) -> String),
}

/// An attack.
pub struct Case {
    pub name: &'static str,
    pub base: Base,
    pub mutation: Mutation,
    /// The refusal's code.
    pub code: &'static str,
}

pub const fn case(name: &'static str, base: Base, mutation: Mutation, code: &'static str) -> Case {
    Case { name, base, mutation, code }
}

/// In words: who wrote it, and what is signed.
impl std::fmt::Display for Base {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (who, shape) = match self {
            Base::Signed(shape) => ("ours", shape),
            Base::Sealed(shape) => ("another product's", shape),
        };
        let signed = match (shape.assertion, shape.response) {
            (true, true) => "both",
            (true, false) => "assertion",
            (false, true) => "response",
            (false, false) => "nothing",
        };
        write!(f, "{who}, {signed} signed{}", if shape.encrypted { ", encrypted" } else { "" })
    }
}

impl Base {
    /// The text that is mutated.
    fn text(self) -> String {
        match self {
            Base::Signed(shape) => issue(&IDP_EC.own(), shape),
            Base::Sealed(shape) => template(shape),
        }
    }

    /// What the service receives.
    fn sent(self, text: &str) -> String {
        match self {
            Base::Signed(_) => text.to_owned(),
            // What cannot be sealed, being no XML or sealed already, is sent as it is.
            Base::Sealed(_) => try_seal(text, &IDP_EC).unwrap_or_else(|| text.to_owned()),
        }
    }
}

impl Mutation {
    fn of(&self, name: &str, text: &str) -> String {
        let mutated = match self {
            Mutation::Swap(from, to) => {
                assert_eq!(text.matches(from).count(), 1, "{name}: `{from}` must be there once");
                text.replace(from, to)
            }
            Mutation::SwapAll(from, to) => text.replace(from, to),
            Mutation::By(mutate) => mutate(text),
        };
        assert_ne!(mutated, text, "{name}: the mutation changes nothing");
        mutated
    }
}

fn all() -> impl Iterator<Item = &'static Case> {
    [wrapping::CASES, signatures::CASES, text::CASES, claims::CASES, encryption::CASES].into_iter().flatten()
}

/// A document of the corpus.
struct Document {
    name: String,
    /// The name of what it begins with; its own when it is that.
    base: String,
    /// What the service receives.
    sent: String,
    /// The refusal's code; none of what is accepted.
    code: Option<&'static str>,
}

/// What the attacks begin with, and what they make of it.
fn documents() -> Vec<Document> {
    let mut bases: BTreeMap<String, String> = BTreeMap::new();
    let mut documents = Vec::new();
    for case in all() {
        let base = case.base.to_string();
        let text = bases.entry(base.clone()).or_insert_with(|| {
            let text = case.base.text();
            let sent = case.base.sent(&text);
            documents.push(Document { name: base.clone(), base: base.clone(), sent, code: None });
            text
        });
        let sent = case.base.sent(&case.mutation.of(case.name, text));
        documents.push(Document { name: case.name.to_owned(), base, sent, code: Some(case.code) });
    }
    documents
}

#[test]
fn every_attack_gets_its_refusal() {
    let mut faults = Vec::new();
    for Document { name, sent, code, .. } in documents() {
        match (verify(&sent), code) {
            (Ok(_), None) => {}
            (Err(refusal), Some(code)) if refusal.code() == code => {}
            (Ok(_), Some(_)) => faults.push(format!("{name}: ACCEPTED\n{sent}")),
            (Err(refusal), Some(code)) => {
                faults.push(format!("{name}: {} instead of {code}\n", refusal.code()));
            }
            (Err(refusal), None) => faults.push(format!("{name}, as it is, is refused: {refusal}\n{sent}")),
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_refusal_has_an_attack() {
    let codes: Vec<&str> = (XmlFault::ALL.iter().map(|fault| fault.code()))
        .chain(SignatureFault::ALL.iter().map(|fault| fault.code()))
        .chain(EncryptionFault::ALL.iter().map(|fault| fault.code()))
        .chain(Refusal::CODES.iter().copied())
        .collect();
    let known: BTreeSet<&str> = codes.iter().copied().collect();
    assert_eq!(known.len(), codes.len(), "two refusals have one code");
    let expected: BTreeSet<&str> = all().map(|case| case.code).collect();
    // What comes as base64, and what an expectation asks for, is tested in `round`.
    let elsewhere = BTreeSet::from(["xml-encoding", "authn-context"]);
    let missing: Vec<&&str> =
        known.iter().filter(|c| !expected.contains(*c) && !elsewhere.contains(*c)).collect();
    assert!(missing.is_empty(), "no attack expects {missing:?}");
    let unknown: Vec<_> = expected.difference(&known).collect();
    assert!(unknown.is_empty(), "no such refusals: {unknown:?}");
    let names: BTreeSet<&str> = all().map(|case| case.name).collect();
    assert_eq!(names.len(), all().count(), "two attacks have one name");
}
