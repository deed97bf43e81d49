//! Directories that say odd things.

use ldap3_proto::proto::{
    LdapExtendedResponse, LdapFilter, LdapOp, LdapResultCode, LdapSearchResultReference,
};

use super::{World, connector};
use crate::cli::Transcript;
use crate::support::Scratch;
use crate::support::authority::Authority;
use crate::support::browser::Browser;
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

/// A rule that asks for what a person lacks holds only for whom the directory certainly knows, or certainly does not.
#[test]
fn only_what_is_certain_opens() {
    let large = "x".repeat(70_000);
    let table: Vec<(&str, u16, Vec<LdapOp>)> = {
        let named = |uid: &str, more: &[(&str, &[&[u8]])]| {
            let name: &[&[u8]] = &[uid.as_bytes()];
            let mut attributes = vec![("uid", name)];
            attributes.extend_from_slice(more);
            entry("cn=ann,dc=example,dc=com", &attributes)
        };
        let elsewhere = || {
            let uris = vec!["ldap://127.0.0.1:9/dc=x".to_owned()];
            LdapOp::SearchResultReference(LdapSearchResultReference { uris })
        };
        let end = || done(LdapResultCode::Success);
        vec![
            ("known", 200, vec![named("KNOWN", &[]), end()]),
            ("nobody", 200, vec![end()]),
            ("contractor", 403, vec![named("contractor", &[("description", &[b"contractor"])]), end()]),
            ("several", 403, vec![named("several", &[]), named("several", &[]), end()]),
            ("loose", 403, vec![named("l\u{f6}ose", &[]), end()]),
            ("nameless", 403, vec![entry("cn=ann,dc=example,dc=com", &[]), end()]),
            ("elsewhere", 403, vec![elsewhere(), end()]),
            ("part", 403, vec![named("part", &[("description;range=0-0", &[b"x"])]), end()]),
            ("large", 403, vec![named("large", &[("description", &[large.as_bytes()])]), end()]),
            ("unread", 200, vec![named("unread", &[("info", &[large.as_bytes()])]), end()]),
        ]
    };
    let answers = table.clone();
    let fake = FakeDirectory::start(move |operation| {
        let LdapOp::SearchRequest(search) = operation else { return Reply::Ordinary };
        let LdapFilter::Equality(_, name) = &search.filter else { return Reply::Ordinary };
        match answers.iter().find(|(who, _, _)| who == name) {
            Some((_, _, answer)) => Reply::Send(answer.clone()),
            None => Reply::Ordinary,
        }
    });
    let scratch = Scratch::new();
    let hash = Transcript::fed(&["hash-password"], "local pass\n").stdout.trim().to_owned();
    let people: String = table
        .iter()
        .map(|(who, _, _)| {
            format!("- {{username: {who}, passwordHash: '{hash}', attributes: {{key: {who}}}}}\n")
        })
        .collect();
    scratch.write_private("people.yaml", &format!("users:\n{people}"));
    let upstream = crate::support::upstream::Upstream::start();
    let connectors = format!(
        "{}  - {{name: here, type: local, usersFile: people.yaml}}
apps:
  - name: careful
    type: proxy
    routePatterns: [/careful]
    upstream: {}
    attrProviders: [{{connector: dir, usernameMapping: here.key}}]
    policies: [{{location: /, authentication: {{idps: [here]}}, authorization: {{rules: [{{notEquals: ['{{{{ dir.description }}}}', contractor]}}]}}}}]
",
        connector(&fake.url(), ""),
        upstream.url()
    );
    let world = World::with_apps(scratch, &Authority::new(), &connectors);
    for (who, status, _) in table {
        let mut browser = Browser::new();
        let page = browser.open(&format!("{}/careful", world.server.url));
        let answer = browser.submit(&page, &[("username", who), ("password", "local pass")]);
        assert_eq!(answer.status, status, "{who}: {}", world.server.log());
    }
}
