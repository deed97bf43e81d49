//! Whose account it is: the service account's, one that was closed, or one that got another's name.

use std::sync::{Arc, Mutex};

use ldap3_proto::proto::{LdapBindResponse, LdapOp, LdapResultCode};

use super::{World, connector, directory};
use crate::cli::Transcript;
use crate::support::Scratch;
use crate::support::authority::Authority;
use crate::support::fake_idp::ldap::{FakeDirectory, Reply, done, entry, is_user_search, result};
use crate::support::slapd::{BASE, SERVICE, SERVICE_PASSWORD};

/// A few wrong passwords would lock the account with which everybody is looked up.
#[test]
fn nobody_guesses_at_the_service_account() {
    let authority = Authority::new();
    let Some((scratch, slapd)) = directory(&authority) else { return };
    let world = World::with(scratch, &authority, &connector(&slapd.url(), ", usernameSearchKey: cn"), "dir");
    let nobody = world.sign_in("nobody", "wrong");
    for (username, password) in [("service", "wrong"), ("Service", "guess"), ("service", SERVICE_PASSWORD)] {
        let answer = world.sign_in(username, password);
        assert_eq!(answer.status, nobody.status, "{username}");
    }
    world.server.wait_for_log(&["event=ldap.bind.refused", "reason=service-account"]);
    assert_eq!(world.sign_in("user1", "pass-1").status, 200);
    slapd.wait_for_binds(&format!("uid=user1,ou=people,{BASE}"), 1);
    let binds = slapd.binds();
    let as_service = binds.iter().filter(|name| *name == SERVICE).count();
    let decoys = binds.iter().filter(|name| name.starts_with("cn=") && *name != SERVICE).count();
    assert_eq!((as_service, decoys), (1, 4), "{binds:?}");
}

/// OpenLDAP lets those in whose password somebody else has set, and tells who asks that it is good for nothing but
/// to be changed.
#[test]
fn a_password_that_must_be_changed_opens_nothing() {
    let authority = Authority::new();
    let Some((scratch, slapd)) = directory(&authority) else { return };
    let world = World::with(scratch, &authority, &connector(&slapd.url(), ""), "dir");
    assert_eq!(world.sign_in("reset", "reset pass").status, 401);
    world.server.wait_for_log(&["event=ldap.bind.refused", "reason=password-must-change"]);
    assert_eq!(world.sign_in("gone", "gone pass").status, 401);
    world.server.wait_for_log(&["event=ldap.bind.refused", "reason=password-expired"]);
    assert_eq!(world.upstream.hits(), 0);
    // Its policy takes an expired one twice.
    for left in [1, 0] {
        assert_eq!(world.sign_in("late", "late pass").status, 200, "{left}");
        world.server.wait_for_log(&["event=ldap.password.expired", &format!("left={left}")]);
    }
    assert_eq!(world.sign_in("late", "late pass").status, 401);
    assert_eq!(world.sign_in("user1", "pass-1").status, 200, "nobody else has a policy");
}

/// ID05 in a directory: entries are renamed and moved, and names are given to others.
#[test]
fn an_account_is_known_by_its_id() {
    let shown: Arc<Mutex<(&str, &str)>> = Arc::new(Mutex::new(("", "")));
    let now = shown.clone();
    let fake = FakeDirectory::start(move |operation| {
        let (dn, uuid) = *now.lock().unwrap();
        match operation {
            operation if is_user_search(operation) => {
                let mut attributes: Vec<(&str, &[&[u8]])> = vec![("telephoneNumber", &[b"+41 44 000"])];
                let uuids: &[&[u8]] = &[uuid.as_bytes()];
                if !uuid.is_empty() {
                    attributes.push(("entryUUID", uuids));
                }
                Reply::Send(vec![entry(dn, &attributes), done(LdapResultCode::Success)])
            }
            LdapOp::BindRequest(request) if request.dn == dn => {
                let res = result(LdapResultCode::Success, "");
                Reply::Send(vec![LdapOp::BindResponse(LdapBindResponse { res, saslcreds: None })])
            }
            _ => Reply::Ordinary,
        }
    });
    let scratch = Scratch::new();
    let hash = Transcript::fed(&["hash-password"], "local pass\n").stdout.trim().to_owned();
    scratch.write_private("people.yaml", &format!("users:\n- {{username: user1, passwordHash: '{hash}'}}\n"));
    let connectors = format!(
        "{}  - {{name: here, type: local, usersFile: people.yaml, assurance: 3}}
  - name: ha
    type: continuity
    strategy: failover
    failover: {{idps: [dir, here]}}
    attributes: [{{name: mail, mapping: {{dir: mail, here: mail}}}}, {{name: phone, mapping: {{dir: telephoneNumber, here: phone}}}}]
    identity: {{attribute: phone}}
",
        connector(&fake.url(), ", assurance: 3, healthCheck: {enabled: true, interval: 60s}")
    );
    let world = World::with(scratch, &Authority::new(), &connectors, "ha");
    for (what, dn, uuid, status) in [
        ("the first time", "cn=ann,dc=example,dc=com", "0A-1", 200),
        ("in other letters", "CN=Ann, DC=example,DC=com", "0a-1", 200),
        ("moved", "cn=ann,ou=left,dc=example,dc=com", "0a-1", 200),
        ("somebody else with her number, and her former name", "cn=ann,dc=example,dc=com", "0a-2", 400),
        ("somebody else with her number and her name", "cn=ann,ou=left,dc=example,dc=com", "0a-2", 400),
        ("without an id, under her name", "CN=ann,OU=left,dc=example,dc=com", "", 200),
        ("somebody else with her name once more", "cn=ann,ou=left,dc=example,dc=com", "0a-2", 400),
        ("without an id, under another", "cn=ann,ou=other,dc=example,dc=com", "", 400),
        ("with the id again", "cn=ann,ou=left,dc=example,dc=com", "0a-1", 200),
    ] {
        *shown.lock().unwrap() = (dn, uuid);
        assert_eq!(world.sign_in("ann", "secret").status, status, "{what}: {}", world.server.log());
    }
    world.server.wait_for_log(&["identity.collision"]);
}
