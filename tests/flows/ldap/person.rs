//! A person at the password page.

use super::{World, connector, directory};
use crate::support::authority::Authority;
use crate::support::slapd::{BASE, SERVICE};

#[test]
fn the_right_password_opens_the_page() {
    let authority = Authority::new();
    let Some((scratch, slapd)) = directory(&authority) else { return };
    let headers = "{name: X-Email, value: '{{ dir.email }}'}, {name: X-Dn, value: '{{ dir.dn }}'}, {name: X-Sn, value: '{{ dir.sn }}'}, \
        {name: X-Groups, value: '{{ dir.memberOf }}'}, {name: X-Password, value: 'p{{ dir.userPassword }}'}";
    let connectors = connector(&slapd.url(), ", attributeMapping: {email: mail}");
    let world = World::with_headers(scratch, &authority, &connectors, "dir", headers);
    let answer = world.sign_in("user7", "pass-7");
    assert_eq!((answer.status, answer.url.as_str()), (200, world.app().as_str()), "{}", answer.text());
    let seen = answer.json();
    assert_eq!(seen["headers"]["x-email"], "user7@example.com");
    assert_eq!(seen["headers"]["x-dn"], format!("uid=user7,ou=people,{BASE}"));
    assert_eq!((&seen["headers"]["x-sn"], &seen["headers"]["x-password"]), (&"Person".into(), &"p".into()));
    // The service account searched, the person was bound on a connection of his own.
    assert_eq!(slapd.binds(), [SERVICE.to_owned(), format!("uid=user7,ou=people,{BASE}")]);
    let groups = world.sign_in("alice", "correct horse").json();
    assert_eq!(groups["headers"]["x-groups"], format!("cn=staff,ou=groups,{BASE}"), "{groups}");
    let log = world.server.log();
    assert!(!log.contains("pass-7") && !log.contains("service pass"), "no password in the log");
}
