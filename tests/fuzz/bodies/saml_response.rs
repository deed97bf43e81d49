//! An answer of a provider, changed in any way: it is refused, or it says of one person exactly what the
//! provider said of that person.

use maverics::ambient::UnixSecs;
use maverics::protocol::saml::response::{Expected, Refusal, verify};
use maverics::protocol::saml::{OwnKey, PeerKey, VerifiedAssertion};

use super::saml::{ACS, IDP, NOW, PEOPLE, PROVIDER, REQUEST, SERVICE, SP, answer, name_of};

pub fn body(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let assertion = match judge(text, &expected(), NOW) {
        Ok(assertion) => assertion,
        Err(refusal) => {
            assert!(!refusal.code().is_empty() && !refusal.to_string().is_empty());
            return;
        }
    };
    let name = assertion.name_id().map(|name| name.value.as_str()).unwrap_or_default();
    let known = PEOPLE.iter().find(|(person, _)| name_of(person).value == name);
    let (person, group) = known.unwrap_or_else(|| panic!("{name:?} was never signed"));
    assert_eq!(assertion.name_id(), Some(&name_of(person)));
    assert_eq!(assertion.values("mail"), Some(vec![Some(name)]));
    assert_eq!(assertion.values("groups"), Some(vec![Some("staff"), Some(*group)]), "of {person}");
    assert_eq!(assertion.attributes().len(), 2);
    assert_eq!(assertion.session_index(), Some(format!("_s-{person}").as_str()));
    assert_eq!(assertion.id(), format!("_a-{person}"), "what is remembered against a replay");
    assert_eq!((assertion.issuer(), assertion.in_response_to()), (IDP, Some(REQUEST)));
    assert_eq!(assertion.authn_instant(), NOW);

    // It is believed here and now, of this provider, and of nobody else.
    let own = [];
    for (what, other) in [
        ("place", Expected { acs: "https://sp.example/other", ..expected() }),
        ("audience", Expected { entity_id: "https://other.example", ..expected() }),
        ("request", Expected { request_id: Some("_other"), ..expected() }),
        ("nobody asked", Expected { request_id: None, ..expected() }),
        ("provider", Expected { idp_entity_id: "https://other.example", ..expected() }),
        ("key", Expected { idp_keys: std::slice::from_ref(&SERVICE.peer), ..expected() }),
        ("no key", Expected { idp_keys: &own, ..expected() }),
    ] {
        assert!(judge(text, &other, NOW).is_err(), "another {what}");
    }
    assert!(judge(text, &expected(), assertion.replay_until()).is_err(), "nothing is accepted and forgotten");
}

fn judge(text: &str, expected: &Expected<'_>, now: UnixSecs) -> Result<VerifiedAssertion, Refusal> {
    verify(text, expected, now)
}

fn expected() -> Expected<'static> {
    let keys: &[PeerKey] = std::slice::from_ref(&PROVIDER.peer);
    let own: &[OwnKey] = std::slice::from_ref(&SERVICE.own);
    Expected {
        entity_id: SP,
        acs: ACS,
        request_id: Some(REQUEST),
        idp_entity_id: IDP,
        idp_keys: keys,
        decryption_keys: own,
        skew_secs: 180,
        authenticated_after: None,
        authn_contexts: &[],
        signed_response: false,
    }
}

/// What a provider may say, as a beginning.
pub fn genuine() -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for (place, (person, _)) in PEOPLE.iter().enumerate() {
        for (shape, assertion, response, encrypted) in [
            ("assertion", true, false, false),
            ("response", false, true, false),
            ("both", true, true, false),
            ("sealed", true, false, true),
            ("sealed-response", false, true, true),
        ] {
            let text = answer(place, assertion, response, encrypted);
            assert!(judge(&text, &expected(), NOW).is_ok(), "{person} {shape}");
            found.push((format!("genuine-{person}-{shape}"), text.into_bytes()));
        }
    }
    found
}
