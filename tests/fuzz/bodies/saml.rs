//! One provider, one service and two people, for every target that speaks SAML. The keys are in the open and
//! sign nothing else.

use std::sync::LazyLock;

use maverics::ambient::{Entropy, UnixSecs};
use maverics::protocol::saml::issue::{Answer, IssuedAttribute, Protection};
use maverics::protocol::saml::names::{PASSWORD_PROTECTED, attr_name, name_id};
use maverics::protocol::saml::{Common, NameId, OwnKey, PeerKey};

pub const NOW: UnixSecs = UnixSecs(1_800_000_000);
pub const IDP: &str = "https://idp.example/saml";
pub const SP: &str = "https://sp.example/saml";
pub const ACS: &str = "https://sp.example/saml/acs";
pub const SLO: &str = "https://sp.example/saml/slo";
pub const REQUEST: &str = "_request";

/// Who may come: a name and the group that says what it may do.
pub const PEOPLE: [(&str, &str); 2] = [("alice", "admins"), ("bob", "guests")];

pub struct Party {
    pub own: OwnKey,
    pub peer: PeerKey,
}

impl Party {
    fn of(key: &str, certificate: &str) -> Self {
        Party {
            own: OwnKey::from_pem(key.as_bytes(), Some(certificate.as_bytes())).expect("a key"),
            peer: PeerKey::from_pem(certificate.as_bytes()).expect("a certificate"),
        }
    }
}

pub static PROVIDER: LazyLock<Party> =
    LazyLock::new(|| Party::of(include_str!("../keys/idp.key"), include_str!("../keys/idp.crt")));
pub static SERVICE: LazyLock<Party> =
    LazyLock::new(|| Party::of(include_str!("../keys/sp.key"), include_str!("../keys/sp.crt")));

pub fn name_of(person: &str) -> NameId {
    NameId::new(&format!("{person}@example.com"), name_id::PERSISTENT)
}

/// The provider's answer about one of the people.
pub fn answer(person: usize, assertion: bool, response: bool, encrypted: bool) -> String {
    let (person, group) = PEOPLE[person];
    let attribute = |name: &str, values: &[&str]| IssuedAttribute {
        name: name.to_owned(),
        name_format: attr_name::BASIC.to_owned(),
        friendly_name: None,
        values: values.iter().map(|value| Some((*value).to_owned())).collect(),
    };
    let (response_id, assertion_id) = (format!("_r-{person}"), format!("_a-{person}"));
    Answer {
        common: Common { id: &response_id, issuer: IDP, destination: ACS, issued: NOW },
        assertion_id: &assertion_id,
        in_response_to: Some(REQUEST),
        audience: SP,
        name_id: Some(&name_of(person)),
        attributes: &[
            attribute("mail", &[&format!("{person}@example.com")]),
            attribute("groups", &["staff", group]),
        ],
        authn_instant: NOW,
        authn_context: PASSWORD_PROTECTED,
        session_index: &format!("_s-{person}"),
        session_not_on_or_after: None,
        life_secs: 300,
    }
    .issue(
        &Protection {
            key: &PROVIDER.own,
            assertion,
            response,
            encrypt_to: encrypted.then_some(&SERVICE.peer),
        },
        &Entropy::counted(1),
    )
    .expect("an answer")
}
