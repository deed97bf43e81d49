//! TLS from the first byte, and StartTLS: never a fallback.

use ldap3_proto::proto::{LdapOp, LdapResultCode};

use super::{World, connector, directory};
use crate::support::Scratch;
use crate::support::authority::Authority;
use crate::support::fake_idp::ldap::{FakeDirectory, Reply, extended};

#[test]
fn ldaps_checks_the_name() {
    let authority = Authority::new();
    let Some((scratch, slapd)) = directory(&authority) else { return };
    let world = World::with(scratch, &authority, &connector(&slapd.tls_url(), ", tls: ours"), "dir");
    assert_eq!(world.sign_in("user1", "pass-1").status, 200);
    assert!(slapd.log().contains("TLS established"), "{}", slapd.log());
    // The same server by a name its certificate does not have; then by roots that did not sign it.
    let binds = slapd.binds().len();
    for (url, tls, fault) in [
        (slapd.tls_url().replace("localhost", "dir.localhost"), ", tls: ours", "not valid for name"),
        (slapd.tls_url(), "", "UnknownIssuer"),
    ] {
        let world = World::with(Scratch::new(), &authority, &connector(&url, tls), "dir");
        assert_eq!(world.sign_in("user1", "pass-1").status, 503, "{url}");
        world.server.wait_for_log(&["event=ldap.server.aside", "reason=tls-failed", fault]);
    }
    assert_eq!(slapd.binds().len(), binds, "no password went there");
}

#[test]
fn start_tls_comes_before_everything() {
    let authority = Authority::new();
    let Some((scratch, slapd)) = directory(&authority) else { return };
    let url = slapd.url().replace("127.0.0.1", "localhost");
    let world = World::with(scratch, &authority, &connector(&url, ", tls: ours"), "dir");
    assert_eq!(world.sign_in("user1", "pass-1").status, 200);
    let log = slapd.log();
    let first_of =
        |conn: &str| log.lines().find(|line| line.contains(&format!("{conn} op=0 "))).map(str::to_owned);
    for line in log.lines().filter(|line| line.contains(" BIND dn=\"") && line.contains("method=128")) {
        let conn = line.split(' ').find(|word| word.starts_with("conn=")).expect("a connection");
        let first = first_of(conn).expect("a first request");
        assert!(first.contains("1.3.6.1.4.1.1466.20037") || first.contains("STARTTLS"), "{first}");
    }
    assert!(log.contains("TLS established"), "{log}");
}

/// Somebody in the middle who strips StartTLS sees no password, whatever he answers.
#[test]
fn a_stripped_start_tls_ends_the_connection() {
    let authority = Authority::new();
    let success = LdapResultCode::Success;
    // The answer is whole, and something nobody may see yet comes with it.
    let injected = || {
        let mut bytes =
            vec![0x30, 0x0c, 0x02, 0x01, 0x01, 0x78, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00];
        bytes.extend([0x30, 0x0c, 0x02, 0x01, 0x01, 0x61, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00]);
        bytes
    };
    type Answer = Box<dyn Fn() -> Reply + Send + Sync>;
    let refused = "reason=start-tls-refused";
    let table: Vec<(&str, &str, Answer)> = vec![
        ("protocolError", refused, Box::new(|| Reply::Send(vec![extended(LdapResultCode::ProtocolError)]))),
        ("unavailable", refused, Box::new(|| Reply::Send(vec![extended(LdapResultCode::Unavailable)]))),
        ("a referral", refused, Box::new(|| Reply::Send(vec![extended(LdapResultCode::Referral)]))),
        (
            "success, and then plain LDAP",
            "reason=tls-failed",
            Box::new(move || Reply::Send(vec![extended(success.clone())])),
        ),
        ("success with something behind it", refused, Box::new(move || Reply::Raw(injected()))),
        (
            "not LDAP",
            "reason=not-ldap",
            Box::new(|| Reply::Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())),
        ),
        ("nothing", "reason=connection-lost", Box::new(|| Reply::Close)),
    ];
    for (what, reason, answer) in table {
        let fake = FakeDirectory::start(move |operation| match operation {
            LdapOp::ExtendedRequest(_) => answer(),
            _ => Reply::Ordinary,
        });
        let world = World::with(Scratch::new(), &authority, &connector(&fake.url(), ", tls: ours"), "dir");
        assert_eq!(world.sign_in("ann", "secret").status, 503, "{what}");
        assert!(fake.binds().is_empty(), "{what}: a bind was sent in the clear");
        world.server.wait_for_log(&["event=ldap.server.aside", reason]);
    }
}
