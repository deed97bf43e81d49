//! Directories that say odd things.

use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapBindResponse, LdapExtendedResponse, LdapOp, LdapResultCode, LdapSearchResultReference,
};

use super::{World, connector};
use crate::support::Scratch;
use crate::support::authority::Authority;
use crate::support::fake_idp::ldap::{FakeDirectory, Reply, bound, done, entry, is_user_search, result};
use crate::support::slapd::SERVICE;

fn world(fake: &FakeDirectory, more: &str) -> World {
    World::with(Scratch::new(), &Authority::new(), &connector(&fake.url(), more), "dir")
}

fn is_bind_of_a_person(operation: &LdapOp) -> bool {
    matches!(operation, LdapOp::BindRequest(request) if request.dn != SERVICE)
}

#[test]
fn an_ordinary_fake_is_believed() {
    let fake = FakeDirectory::start(|_| Reply::Ordinary);
    let world = world(&fake, "");
    assert_eq!(world.sign_in("ann", "secret").json()["headers"]["x-email"], "ann@example.com");
    assert_eq!(world.sign_in("ann", "wrong").status, 401);
}

#[test]
fn lengths_and_garbage_are_bounded() {
    type Answer = Box<dyn Fn() -> Reply + Send + Sync>;
    let entries = || {
        // A message without end of its own: entries for as long as they are taken, none of them asked for.
        let one = [
            0x30, 0x10, 0x02, 0x01, 0x02, 0x64, 0x0b, 0x04, 0x04, b'c', b'n', b'=', b'a', 0x30, 0x03, 0x30,
            0x01, 0x00,
        ];
        one.to_vec()
    };
    let table: Vec<(&str, &str, Answer)> = vec![
        (
            "4 GiB",
            "reason=answer-too-large",
            Box::new(|| Reply::Raw(vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x02, 0x01])),
        ),
        (
            "a bind of 4 GiB that is sent",
            "reason=answer-too-large",
            Box::new(|| {
                Reply::Flood({
                    let mut bytes = vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff];
                    bytes.extend([0x04; 4096]);
                    bytes
                })
            }),
        ),
        ("garbage", "reason=not-ldap", Box::new(|| Reply::Raw((0..=255).rev().collect()))),
        ("HTTP", "reason=not-ldap", Box::new(|| Reply::Raw(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()))),
        (
            "depth",
            "reason=not-ldap",
            Box::new(|| Reply::Raw((0..60u8).rev().flat_map(|n| [0x30, n * 2]).collect())),
        ),
        ("floods of odd messages", "reason=not-ldap", Box::new(move || Reply::Flood(entries()))),
        (
            "an unknown id",
            "reason=not-ldap",
            Box::new(|| Reply::Raw(vec![0x30, 0x0c, 2, 1, 99, 0x61, 7, 10, 1, 0, 4, 0, 4, 0])),
        ),
        (
            "the answer to something else",
            "reason=not-ldap",
            Box::new(|| Reply::Send(vec![done(LdapResultCode::Success)])),
        ),
        ("an end", "reason=connection-lost", Box::new(|| Reply::Close)),
        (
            "a notice",
            "reason=connection-lost",
            Box::new(|| {
                let res = result(LdapResultCode::Unavailable, "");
                Reply::Send(vec![LdapOp::ExtendedResponse(LdapExtendedResponse {
                    res,
                    name: Some("1.3.6.1.4.1.1466.20036".into()),
                    value: None,
                })])
            }),
        ),
    ];
    for (what, reason, answer) in table {
        let fake = FakeDirectory::start(move |_| answer());
        let world = world(&fake, "");
        assert_eq!(world.sign_in("ann", "secret").status, 503, "{what}");
        world.server.wait_for_log(&["event=ldap.server.aside", reason]);
        assert!(!world.server.log().contains("panicked"), "{what}: {}", world.server.log());
    }
}

#[test]
fn referrals_are_not_followed() {
    let elsewhere = FakeDirectory::start(|_| Reply::Ordinary);
    let url = format!("{}/dc=example,dc=com", elsewhere.url());
    let fake = FakeDirectory::start(move |operation| {
        if !is_user_search(operation) {
            return Reply::Ordinary;
        }
        let reference = LdapOp::SearchResultReference(LdapSearchResultReference { uris: vec![url.clone()] });
        Reply::Send(vec![reference, done(LdapResultCode::Success)])
    });
    let first = world(&fake, "");
    assert_eq!(first.sign_in("ann", "secret").status, 401, "nobody here has that name");
    // A reference beside the entry changes nothing, and neither does a bind that points elsewhere.
    let url = format!("{}/dc=example,dc=com", elsewhere.url());
    let beside = FakeDirectory::start(move |operation| {
        if !is_user_search(operation) {
            return Reply::Ordinary;
        }
        let reference = LdapOp::SearchResultReference(LdapSearchResultReference { uris: vec![url.clone()] });
        Reply::Send(vec![entry("cn=ann,dc=example,dc=com", &[]), reference, done(LdapResultCode::Success)])
    });
    assert_eq!(world(&beside, "").sign_in("ann", "secret").status, 200);
    let bind = FakeDirectory::start(|operation| match is_bind_of_a_person(operation) {
        true => bound(LdapResultCode::Referral, ""),
        false => Reply::Ordinary,
    });
    let world = world(&bind, "");
    world.sign_in("ann", "secret");
    assert_eq!(world.upstream.hits(), 0, "a bind that points elsewhere is no success");
    assert!(elsewhere.binds().is_empty(), "nobody asked the other directory");
}

/// Active Directory's reasons are for the log; the person reads the same as ever. And no other member is tried.
#[test]
fn active_directory_says_why_to_the_log_alone() {
    for (data, reason) in [
        ("52e", "wrong-password"),
        ("775", "account-locked"),
        ("532", "password-expired"),
        ("533", "account-disabled"),
        ("530", "not-at-this-time"),
        ("531", "not-from-here"),
        ("701", "account-expired"),
        ("773", "password-must-change"),
    ] {
        let message = format!(
            "80090308: LdapErr: DSID-0C09042A, comment: AcceptSecurityContext error, data {data}, v4563"
        );
        let fake = FakeDirectory::start(move |operation| match is_bind_of_a_person(operation) {
            true => bound(LdapResultCode::InvalidCredentials, &message),
            false => Reply::Ordinary,
        });
        let world = world(&fake, ", usernameSearchKey: sAMAccountName");
        let answer = world.sign_in("ann", "secret");
        assert_eq!(answer.status, 401, "{data}");
        assert!(
            !answer.text().contains(reason) && !answer.text().contains(data),
            "{data}: the person learns nothing"
        );
        world.server.wait_for_log(&["event=ldap.bind.refused", &format!("reason={reason}")]);
        assert!(
            !world.server.log().contains("event=ldap.server.aside"),
            "{data}: about the person, not the server"
        );
    }
}

#[test]
fn what_a_bind_may_answer_and_still_be_no_success() {
    // 200 without a request to the application is the form once more: our own check found the directory well.
    for (code, status, let_in) in [
        (LdapResultCode::Success, 200, 1),
        (LdapResultCode::InvalidCredentials, 401, 0),
        (LdapResultCode::InappropriateAuthentication, 401, 0),
        (LdapResultCode::ConstraintViolation, 401, 0),
        (LdapResultCode::SaslBindInProgress, 200, 0),
        (LdapResultCode::CompareTrue, 200, 0),
        (LdapResultCode::Busy, 200, 0),
        (LdapResultCode::Unavailable, 200, 0),
        (LdapResultCode::UnwillingToPerform, 401, 0),
    ] {
        let told = code.clone();
        let fake = FakeDirectory::start(move |operation| match is_bind_of_a_person(operation) {
            true => bound(told.clone(), ""),
            false => Reply::Ordinary,
        });
        let world = world(&fake, "");
        assert_eq!(world.sign_in("ann", "secret").status, status, "{code:?}");
        assert_eq!(world.upstream.hits(), let_in, "{code:?}");
    }
}

/// An entry without a name would be bound as nobody, which always succeeds.
#[test]
fn an_entry_without_a_name_is_nobody() {
    for dn in ["", " "] {
        let fake = FakeDirectory::start(move |operation| match operation {
            operation if is_user_search(operation) => {
                Reply::Send(vec![entry(dn, &[]), done(LdapResultCode::Success)])
            }
            LdapOp::BindRequest(request) if request.dn.trim().is_empty() => {
                bound(LdapResultCode::Success, "")
            }
            _ => Reply::Ordinary,
        });
        assert_eq!(world(&fake, "").sign_in("ann", "secret").status, 401);
        assert!(!fake.binds().iter().any(|name| name.trim().is_empty()));
    }
}

/// A list in parts is fetched to its end, and one that never ends is.
#[test]
fn long_lists_are_put_together() {
    let fake = FakeDirectory::start(|operation| {
        let LdapOp::SearchRequest(search) = operation else { return Reply::Ordinary };
        let name = "cn=ann,dc=example,dc=com";
        let part = |range: &str, value: &[u8]| {
            Reply::Send(vec![
                entry(name, &[(&format!("mail;range={range}"), &[value])]),
                done(LdapResultCode::Success),
            ])
        };
        match search.attrs.first().map(String::as_str) {
            Some("*") => part("0-0", b"one"),
            Some("mail;range=1-*") => part("1-1", b"two"),
            Some("mail;range=2-*") => part("2-*", b"three"),
            _ => Reply::Ordinary,
        }
    });
    let world = world(&fake, "");
    assert_eq!(world.sign_in("ann", "secret").json()["headers"]["x-email"], "one,two,three");
}

/// 389 Directory Server answers so for an inactivated account, whatever the password: a guess like any other.
#[test]
fn an_unwilling_directory_is_asked_no_more_often() {
    let fake = FakeDirectory::start(|operation| match is_bind_of_a_person(operation) {
        true => bound(LdapResultCode::UnwillingToPerform, "account inactivated"),
        false => Reply::Ordinary,
    });
    let world = world(&fake, "");
    for _ in 0..5 {
        assert_eq!(world.sign_in("ann", "secret").status, 401);
    }
    assert_eq!(world.sign_in("ann", "secret").status, 429);
    world.server.wait_for_log(&["event=ldap.bind.refused", "reason=unwilling"]);
    assert!(!world.server.log().contains("event=ldap.server.aside"));
}

/// Whoever answers a bind by going away has seen the password, and may have counted it.
#[test]
fn a_password_is_shown_to_two_servers_at_most() {
    let mute = || {
        FakeDirectory::start(|operation| match is_bind_of_a_person(operation) {
            true => Reply::Close,
            false => Reply::Ordinary,
        })
    };
    let servers = [mute(), mute(), mute()];
    let urls: Vec<String> = servers.iter().map(|server| format!("'{}'", server.url())).collect();
    let connector = connector(&format!("[{}]", urls.join(", ")), "");
    let world = World::with(Scratch::new(), &Authority::new(), &connector, "dir");
    world.sign_in("ann", "secret");
    let people = servers.iter().flat_map(FakeDirectory::binds).filter(|name| name != SERVICE).count();
    assert_eq!(people, 2);
}

/// Whoever typed the password chose what a directory does with it: it says nothing about the server, for others.
#[test]
fn what_becomes_of_a_bind_says_nothing_about_a_server() {
    let result = |code: u8| Reply::Raw(vec![0x30, 0x0c, 2, 1, 1, 0x61, 7, 10, 1, code, 4, 0, 4, 0]);
    type Answer = Box<dyn Fn() -> Reply + Send + Sync>;
    let table: Vec<(&str, u16, Answer)> = vec![
        ("it hangs up", 200, Box::new(|| Reply::Close)),
        ("it says something else", 200, Box::new(|| Reply::Raw(b"HTTP/1.1 400\r\n\r\n".to_vec()))),
        ("it answers a search", 200, Box::new(|| Reply::Send(vec![done(LdapResultCode::Success)]))),
        // These are answers.
        ("a result of RFC 2251", 401, Box::new(move || result(9))),
        ("a result of CLDAP", 401, Box::new(move || result(70))),
    ];
    for (what, status, answer) in table {
        let fake = FakeDirectory::start(move |operation| match is_bind_of_a_person(operation) {
            true => answer(),
            false => Reply::Ordinary,
        });
        let world = world(&fake, "");
        for _ in 0..3 {
            assert_eq!(world.sign_in("ann", "secret").status, status, "{what}");
        }
        if status == 401 {
            world.server.wait_for_log(&["event=ldap.bind.refused", "reason=unknown-result"]);
        }
        let log = world.server.log();
        assert!(!log.contains("event=ldap.server.aside"), "{what}: {log}");
        let of_service = fake.binds().iter().filter(|name| *name == SERVICE).count();
        // One that searches, and one for each question of ours whether the directory is well.
        assert!(of_service <= 4, "{what}: {of_service}");
        assert_eq!(world.upstream.hits(), 0, "{what}");
    }
}

/// Directories of Netscape's family let a person in who may do nothing but change his password, and say so beside.
#[test]
fn a_success_with_a_but_is_none() {
    let policy = |value: &[u8]| ("1.3.6.1.4.1.42.2.27.8.5.1", Some(value.to_vec()));
    for (what, control, status, reason) in [
        ("expired", ("2.16.840.1.113730.3.4.4", Some(b"0".to_vec())), 401, "password-must-change"),
        ("expires soon", ("2.16.840.1.113730.3.4.5", Some(b"60".to_vec())), 200, ""),
        ("nothing", policy(&[0x30, 0]), 200, ""),
        ("reset", policy(&[0x30, 3, 0x81, 1, 2]), 401, "password-must-change"),
        ("a few times more", policy(&[0x30, 5, 0xa0, 3, 0x81, 1, 2]), 200, ""),
        ("no value", policy(b"odd"), 401, "unreadable-policy"),
    ] {
        let (oid, value) = control;
        let control = LdapControl::Unknown { oid: oid.into(), criticality: false, value };
        let fake = FakeDirectory::start(move |operation| match is_bind_of_a_person(operation) {
            true => {
                let res = result(LdapResultCode::Success, "");
                let answer = LdapOp::BindResponse(LdapBindResponse { res, saslcreds: None });
                Reply::With(answer, vec![control.clone()])
            }
            false => Reply::Ordinary,
        });
        let world = world(&fake, "");
        assert_eq!(world.sign_in("ann", "secret").status, status, "{what}");
        if status == 401 {
            world.server.wait_for_log(&["event=ldap.bind.refused", &format!("reason={reason}")]);
        }
    }
}
