//! Whatever happens to the bytes of an accepted document, it is refused or says the same; and nothing panics.

use std::sync::LazyLock;

use maverics::protocol::saml::metadata::{Expected, IdpMetadata};
use maverics::protocol::saml::redirect::decode;
use maverics::protocol::saml::{VerifiedAssertion, xml};
use proptest::prelude::*;

use super::scene::*;
use super::variants::variants;

/// Everything that a verified assertion says, but for what its frame leaves open.
fn content(assertion: &VerifiedAssertion) -> String {
    format!(
        "{:?}",
        (
            (assertion.issuer(), assertion.id(), assertion.name_id(), assertion.attributes()),
            (assertion.authn_instant(), assertion.authn_context(), assertion.session_index()),
            (assertion.session_not_on_or_after(), assertion.replay_until(), assertion.in_response_to()),
        )
    )
}

/// One change of bytes.
#[derive(Debug, Clone)]
enum Change {
    Replace(usize, u8),
    Remove(usize, usize),
    Insert(usize, Vec<u8>),
    Copy(usize, usize, usize),
}

/// Words that mean something to a parser.
const WORDS: &[&str] = &[
    "<!---->",
    "<![CDATA[",
    "]]>",
    "<?x?>",
    "<!DOCTYPE x>",
    "&#0;",
    "&amp;",
    "&lt;",
    "xmlns=\"urn:x\" ",
    "xmlns:saml=\"urn:x\" ",
    "ID=\"_assertion1\" ",
    "<ds:Object>",
    "</ds:Object>",
    "<saml:Assertion>",
    "</saml:Assertion>",
    "</saml:NameID>",
    "<saml:NameID>",
    "/>",
    ">",
    "\"",
    "'",
    " ",
    "\u{FEFF}",
    "é",
];

fn change() -> impl Strategy<Value = Change> {
    let place = 0usize..100_000;
    prop_oneof![
        (place.clone(), any::<u8>()).prop_map(|(at, byte)| Change::Replace(at, byte)),
        (place.clone(), 1usize..200).prop_map(|(at, length)| Change::Remove(at, length)),
        (place.clone(), proptest::sample::select(WORDS))
            .prop_map(|(at, word)| Change::Insert(at, word.as_bytes().to_vec())),
        (place.clone(), proptest::collection::vec(any::<u8>(), 1..8))
            .prop_map(|(at, bytes)| Change::Insert(at, bytes)),
        (place.clone(), 1usize..2_000, place).prop_map(|(from, length, to)| Change::Copy(from, length, to)),
    ]
}

fn changed(text: &str, changes: &[Change]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for change in changes {
        let length = bytes.len().max(1);
        match change {
            Change::Replace(at, byte) => {
                let at = at % length;
                if let Some(place) = bytes.get_mut(at) {
                    *place = *byte;
                }
            }
            Change::Remove(at, count) => {
                let at = at % length;
                let end = (at + count).min(bytes.len());
                bytes.drain(at.min(end)..end);
            }
            Change::Insert(at, what) => {
                let at = (at % length).min(bytes.len());
                bytes.splice(at..at, what.iter().copied());
            }
            Change::Copy(from, count, to) => {
                let from = (from % length).min(bytes.len());
                let part = bytes[from..(from + count).min(bytes.len())].to_vec();
                let to = (to % length).min(bytes.len());
                bytes.splice(to..to, part);
            }
        }
    }
    bytes
}

#[test]
fn an_answer_that_is_written_otherwise_is_refused_or_says_the_same() {
    let ours = issue(&IDP_EC.own(), BOTH);
    for xml in [ours, seal(&template(ASSERTION), &IDP_EC), seal(&template(RESPONSE), &IDP_EC)] {
        let says = content(&verify(&xml).expect("an accepted answer"));
        let accepted: Vec<(String, VerifiedAssertion)> = (variants(xml).take(300))
            .filter_map(|variant| verify(&variant).ok().map(|after| (variant, after)))
            .collect();
        assert!(accepted.len() >= 10, "{} of 300 are accepted", accepted.len());
        for (variant, after) in accepted {
            assert_eq!(content(&after), says, "{variant}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, ..ProptestConfig::default() })]

    #[test]
    fn a_mutated_answer_is_refused_or_says_the_same(
        which in 0usize..5,
        changes in proptest::collection::vec(change(), 1..4),
    ) {
        // Ours in three shapes, and those of another product.
        static ACCEPTED: LazyLock<[(String, String); 5]> = LazyLock::new(|| {
            let key = IDP_EC.own();
            [
                issue(&key, ASSERTION),
                issue(&key, RESPONSE),
                issue(&key, BOTH),
                seal(&template(ASSERTION), &IDP_EC),
                seal(&template(RESPONSE), &IDP_EC),
            ]
            .map(|xml| {
                let says = content(&verify(&xml).expect("an accepted answer"));
                (xml, says)
            })
        });
        let (xml, says) = &ACCEPTED[which];
        let Ok(mutated) = String::from_utf8(changed(xml, &changes)) else { return Ok(()) };
        if let Ok(after) = verify(&mutated) {
            prop_assert_eq!(&content(&after), says, "{}", mutated);
        }
    }

    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in ".{0,300}") {
        let _ = IdpMetadata::parse(&bytes, &Expected::default(), NOW);
        let _ = IdpMetadata::parse(text.as_bytes(), &Expected::default(), NOW);
        let _ = verify(&text);
        let _ = decode(&text);
        let _ = decode(&format!("SAMLRequest={text}"));
        let _ = xml::base64(&text, 100);
        let _ = maverics::protocol::saml::time::parse(&text);
        let _ = maverics::protocol::saml::time::parse_duration(&format!("P{text}"));
    }

    #[test]
    fn inflating_anything_is_bounded(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        use base64::Engine as _;
        let packed = base64::engine::general_purpose::STANDARD.encode(&bytes).replace('+', "%2B");
        if let Ok(message) = decode(&format!("SAMLResponse={packed}")) {
            prop_assert!(message.xml().len() <= (bytes.len() * 100).max(1024));
        }
    }
}
