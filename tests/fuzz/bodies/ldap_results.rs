//! What a directory may send: messages in a stream, entries, names and results. Whatever the bytes are, nothing
//! that is a password leaves an entry, only success is success, and a value never becomes a part of a name.

use ldap3_proto::proto::{LdapMsg, LdapOp, LdapPartialAttribute, LdapResultCode, LdapSearchResultEntry};
use maverics::protocol::ldap::message::{RESPONSE_BYTES_MAX, decode, encode, frame_bytes};
use maverics::protocol::ldap::{Dn, Entry, bind, dn, outcome, read_foreign, search};
use serde_json::Value;

const BASE: &str = "ou=people,dc=example,dc=com";

pub fn body(data: &[u8]) {
    a_length_is_known_once(data);
    if let Ok(Some(length)) = frame_bytes(data, RESPONSE_BYTES_MAX)
        && let Some(frame) = data.get(..length)
        && let Ok(message) = decode(frame)
    {
        a_message_says_one_thing(message, frame);
    } else {
        assert_eq!(read_foreign(data), None);
    }
    a_value_stays_a_value(&String::from_utf8_lossy(data));
}

/// Whoever has more of the bytes reads the same length.
fn a_length_is_known_once(data: &[u8]) {
    let whole = frame_bytes(data, RESPONSE_BYTES_MAX);
    if let Ok(Some(length)) = whole {
        assert!((2..=RESPONSE_BYTES_MAX).contains(&length));
    }
    for end in 0..data.len().min(12) {
        let part = frame_bytes(&data[..end], RESPONSE_BYTES_MAX);
        assert!(part == whole || part == Ok(None), "{part:?} of {end} bytes, {whole:?} of all");
    }
}

fn a_message_says_one_thing(message: LdapMsg, frame: &[u8]) {
    let _ = search::next_page(&message.ctrl);
    match message.op {
        LdapOp::SearchResultEntry(entry) => {
            let attributes = entry_to_attributes(Entry::from(entry));
            assert_eq!(read_foreign(frame), Some(attributes));
        }
        LdapOp::BindResponse(answer) => {
            let success = answer.res.code == LdapResultCode::Success;
            if let Some(ours) = bind::Answer::read(frame) {
                assert_eq!(outcome::of_bind(&ours).is_ok(), success, "{:?}", answer.res.code);
                assert!(success || outcome::of_persons_bind(&ours).is_err(), "{:?}", answer.res.code);
            }
        }
        _ => assert_eq!(read_foreign(frame), None),
    }
}

fn entry_to_attributes(mut entry: Entry) -> serde_json::Map<String, Value> {
    let attributes = entry.attributes();
    assert_eq!(attributes.get("dn").and_then(Value::as_str), Some(entry.dn.as_str()));
    for (description, value) in &attributes {
        let name = description.split(';').next().unwrap_or_default();
        for never in ["userPassword", "unicodePwd", "krbPrincipalKey", "sambaNTPassword", "jpegPhoto"] {
            assert!(!name.eq_ignore_ascii_case(never), "{description}");
        }
        let is_text = match value {
            Value::String(_) => true,
            Value::Array(list) => list.len() > 1 && list.iter().all(Value::is_string),
            _ => false,
        };
        assert!(is_text, "{description}: {value}");
    }
    // A list in parts ends: each part is asked for once, whatever is sent again and again.
    let part = entry.clone();
    for missing in entry.missing_ranges() {
        let before = entry.values.clone();
        if !entry.add_range(&missing, part.clone()) {
            assert!(entry.missing_ranges().len() < before.len() || entry.values == before);
        }
    }
    if let Ok(name) = Dn::parse(&entry.dn) {
        let again = Dn::parse(&name.to_string());
        assert!(again.as_ref() == Ok(&name) || name.to_string().len() > dn::DN_BYTES_MAX, "{name}");
        assert!(name.is_within(&name) && name.is_within(&Dn::parse("").expect("the root")));
    }
    attributes
}

/// The name of an entry is made of a value as it is typed: it stays one value, right below its base.
fn a_value_stays_a_value(typed: &str) {
    let name = dn::child("cn", typed, BASE);
    if name.len() > dn::DN_BYTES_MAX {
        return;
    }
    let name = Dn::parse(&name).unwrap_or_else(|error| panic!("{name:?}: {error}"));
    assert!(name.is_within(&Dn::parse(BASE).expect("a name")), "{name}");
    let text = name.to_string();
    let unescaped = |sign: char| {
        let mut escaped = false;
        let is_one = |c: char| {
            let was = std::mem::replace(&mut escaped, false);
            escaped = c == '\\' && !was;
            c == sign && !was
        };
        text.chars().map(is_one).filter(|is_one| *is_one).count()
    };
    assert_eq!((unescaped(','), unescaped('+')), (3, 0), "{text}");
}

/// Entries as directories send them, results, and an entry with what must not be kept.
pub fn genuine() -> Vec<(String, Vec<u8>)> {
    let entry = |dn: &str, attributes: &[(&str, &[&[u8]])]| {
        let attributes = attributes.iter().map(|(name, values)| LdapPartialAttribute {
            atype: (*name).to_owned(),
            vals: values.iter().map(|value| value.to_vec()).collect(),
        });
        LdapOp::SearchResultEntry(LdapSearchResultEntry {
            dn: dn.to_owned(),
            attributes: attributes.collect(),
        })
    };
    let result = |code, message: &str| ldap3_proto::proto::LdapResult {
        code,
        matcheddn: String::new(),
        message: message.to_owned(),
        referral: Vec::new(),
    };
    let answer = |code, message: &str| {
        LdapOp::BindResponse(ldap3_proto::proto::LdapBindResponse {
            res: result(code, message),
            saslcreds: None,
        })
    };
    let sid = [1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0];
    let messages = [
        (
            "person",
            entry(
                "uid=alice,ou=people,dc=example,dc=com",
                &[("mail", &[b"alice@example.com"]), ("memberOf", &[b"cn=a,dc=x", b"cn=b\\,c+x=y,dc=x"])],
            ),
        ),
        (
            "secrets",
            entry(
                "cn=\\c3\\a9+uid=#0401,dc=x",
                &[
                    ("userPassword", &[b"{SSHA}x"]),
                    ("UNICODEPWD;x", &[b"\xff"]),
                    ("cn;lang-de", &[b"\xff", b"a"]),
                ],
            ),
        ),
        (
            "windows",
            entry(
                "CN=A,DC=x",
                &[("objectSid", &[&sid]), ("objectGUID", &[&[7; 16]]), ("usercertificate;binary", &[b"a"])],
            ),
        ),
        ("range", entry("cn=g,dc=x", &[("member;range=0-1", &[b"cn=a", b"cn=b"]), ("member;range=x", &[])])),
        ("welcome", answer(LdapResultCode::Success, "")),
        ("refused", answer(LdapResultCode::InvalidCredentials, "80090308: LdapErr, data 52e, v4563\0")),
        ("done", LdapOp::SearchResultDone(result(LdapResultCode::Success, ""))),
    ];
    let written = |(name, op)| {
        let bytes = encode(LdapMsg { msgid: 1, op, ctrl: Vec::new() }).expect("a message");
        assert!(decode(&bytes).is_ok(), "{name}");
        (format!("genuine-{name}"), bytes.to_vec())
    };
    messages.into_iter().map(written).collect()
}
