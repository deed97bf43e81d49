//! A person at the password page.

use super::{World, connector, directory};
use crate::cli::Transcript;
use crate::support::authority::Authority;
use crate::support::browser::Browser;
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
    assert_eq!(seen["headers"]["x-sn"], "Person");
    assert!(seen["headers"]["x-password"].is_null(), "passwords are not attributes");
    // The service account searched, the person was bound on a connection of his own.
    assert_eq!(slapd.binds(), [SERVICE.to_owned(), format!("uid=user7,ou=people,{BASE}")]);
    let groups = world.sign_in("alice", "correct horse").json();
    let shown = groups["headers"]["x-groups"].as_str().unwrap_or_default().replace("%2C", ",");
    assert_eq!(shown, format!("cn=staff,ou=groups,{BASE}"), "{groups}");
    let log = world.server.log();
    assert!(!log.contains("pass-7") && !log.contains("service pass"), "no password in the log");
}

#[test]
fn nobody_learns_who_exists() {
    let authority = Authority::new();
    let Some((scratch, slapd)) = directory(&authority) else { return };
    let world = World::with(scratch, &authority, &connector(&slapd.url(), ""), "dir");
    let table = [
        ("wrong password", "user1", "wrong"),
        ("unknown user", "nobody", "wrong"),
        ("a name two people have", "twin", "twin pass"),
        ("no password", "user2", ""),
        ("no name", "", "pass-1"),
        ("a blank name", "  ", "pass-1"),
        ("a long password", "user3", &"x".repeat(2_000)),
        ("everybody", "*", "pass-1"),
        ("a filter in the name", "*)(uid=*", "pass-1"),
        ("a filter with its end", "user4)(|(uid=*", "pass-4"),
        ("another branch", "a,ou=admins", "admin pass"),
        ("a whole name", "uid=a,ou=admins,dc=example,dc=com", "admin pass"),
        ("NUL", "user5\0", "pass-5"),
        ("an escape", "\\2a", "pass-1"),
        ("an escaped name", "user\\35", "pass-5"),
        ("markup", "<b>\"user1", "wrong"),
        ("the service account", "service", "service pass"),
    ];
    let mut seen: Option<(u16, String)> = None;
    for (what, username, password) in table {
        let answer = world.sign_in(username, password);
        let shown = answer.forms()[0].fields.clone();
        let state = shown.iter().find(|(name, _)| name == "state").map(|(_, value)| value.clone()).unwrap();
        let body = answer.text().replace(&state, "STATE").replace(" autofocus", "");
        let from = body.find("<input id=\"username\"").unwrap();
        let to = from + body[from..].find('>').unwrap();
        let body = format!("{}{}", &body[..from], &body[to..]);
        match &seen {
            None => seen = Some((answer.status, body)),
            Some(first) => assert_eq!((answer.status, &body), (first.0, &first.1), "{what}"),
        }
    }
    assert_eq!(seen.unwrap().0, 401);
    assert_eq!(world.upstream.hits(), 0);
    // Somebody is signed in, so that everything before it has reached the log of the directory.
    assert_eq!(world.sign_in("user6", "pass-6").status, 200);
    slapd.wait_for_binds(&format!("uid=user6,ou=people,{BASE}"), 1);
    let binds = slapd.binds();
    let people: Vec<&String> = binds.iter().filter(|name| name.contains("ou=")).collect();
    // No bind as anybody without a password, nor as one of two people, nor as somebody else than was typed.
    assert_eq!(
        people,
        [&format!("uid=user1,ou=people,{BASE}"), &format!("uid=user6,ou=people,{BASE}")],
        "{binds:?}"
    );
    assert!(!slapd.log().contains("method=128 dn=\"\""), "nobody was bound as nobody");
    // A name that nobody has costs a bind as well.
    let decoys = binds.iter().filter(|name| name.starts_with("cn=") && *name != SERVICE).count();
    assert!(decoys >= 8, "{decoys} of {binds:?}");
    world.server.wait_for_log(&["event=ldap.bind.refused", "reason=ambiguous-user"]);
    world.server.wait_for_log(&["event=ldap.bind.refused", "reason=no-such-user"]);
    let log = world.server.log();
    assert!(!log.contains("admin pass") && !log.contains("pass-"), "no password in the log");
}

#[test]
fn spellings_of_a_name_are_one_name_for_guessing() {
    let authority = Authority::new();
    let Some((scratch, slapd)) = directory(&authority) else { return };
    let world = World::with(scratch, &authority, &connector(&slapd.url(), ""), "dir");
    for username in ["user9", "USER9", " user9", "user9  ", "u\u{ad}ser9"] {
        assert_eq!(world.sign_in(username, "wrong").status, 401, "{username}");
    }
    let answer = world.sign_in("User9", "pass-9");
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert_eq!(world.sign_in("user10", "pass-10").status, 200, "others do not wait");
}

#[test]
fn several_values_stay_several() {
    let authority = Authority::new();
    let Some((scratch, slapd)) = directory(&authority) else { return };
    let headers = "{name: X-Mail, value: '{{ dir.mail }}'}, {name: X-German, value: '{{ dir.displayName;lang-de }}'}, \
        {name: X-Certificate, value: '{{ dir.userCertificate;binary }}'}, {name: X-Photo, value: '{{ dir.jpegPhoto }}'}";
    let world = World::with_headers(scratch, &authority, &connector(&slapd.url(), ""), "dir", headers);
    let seen = world.sign_in("alice", "correct horse").json();
    assert_eq!(seen["headers"]["x-mail"], "alice@example.com,a.lee@example.com");
    assert_eq!(seen["headers"]["x-certificate"], "MAMCAQE=");
    assert!(seen["headers"]["x-photo"].is_null(), "pictures are left out");
}

#[test]
fn groups_of_groups_are_found_and_a_circle_ends() {
    let authority = Authority::new();
    let Some((scratch, slapd)) = directory(&authority) else { return };
    let connectors = connector(&slapd.url(), ", nestedGroups: {enabled: true}");
    let headers = "{name: X-Groups, value: '{{ dir.memberOf }}'}";
    let world = World::with_headers(scratch, &authority, &connectors, "dir", headers);
    let all = |names: &[&str]| {
        names.iter().map(|name| format!("cn={name},ou=groups,{BASE}")).collect::<Vec<_>>().join(",")
    };
    for (username, password, groups) in [
        ("alice", "correct horse", all(&["staff", "everyone", "circle"])),
        // No `memberOf` in the entry: only the groups know.
        ("user1", "pass-1", all(&["staff", "everyone", "circle"])),
        ("user2", "pass-2", all(&["others"])),
    ] {
        let seen = world.sign_in(username, password).json();
        // A comma inside a value is escaped where commas separate values.
        let shown = seen["headers"]["x-groups"].as_str().unwrap_or_default().replace("%2C", ",");
        assert_eq!(shown, groups, "{username}");
    }
    let seen = world.sign_in("user3", "pass-3").json();
    assert!(seen["headers"]["x-groups"].is_null(), "{seen}");
}

#[test]
fn a_name_may_be_the_rdn() {
    let authority = Authority::new();
    let Some((scratch, slapd)) = directory(&authority) else { return };
    let connectors = connector(&slapd.url(), ", userRDNKey: uid").replace(BASE, &format!("ou=people,{BASE}"));
    let connectors = connectors.replace(&format!("cn=service,ou=people,{BASE}"), SERVICE);
    let world = World::with(scratch, &authority, &connectors, "dir");
    let seen = world.sign_in("user7", "pass-7").json();
    assert_eq!(seen["headers"]["x-email"], "user7@example.com");
    for (username, password) in
        [("user7", "wrong"), ("a,ou=admins", "admin pass"), ("nobody", "x"), ("#04", "x"), ("user8", "")]
    {
        assert_eq!(world.sign_in(username, password).status, 401, "{username}");
    }
    let binds = slapd.binds();
    assert!(!binds.iter().any(|name| name.starts_with("uid=a,ou=admins")), "{binds:?}");
    // Full-width letters lead to the same entry, and the entry is counted.
    for username in ["user9", "\u{ff55}ser9", "u\u{ff53}er9", "us\u{ff45}r9", "use\u{ff52}9"] {
        assert_eq!(world.sign_in(username, "wrong").status, 401, "{username}");
    }
    // That this name would have to wait is not said: a name that nobody has never would.
    assert_eq!(world.sign_in("user\u{ff19}", "pass-9").status, 401, "one person, however he is written");
    world.server.wait_for_log(&["event=ldap.bind.refused", "reason=too-many-tries"]);
    assert_eq!(world.sign_in("user10", "pass-10").status, 200);
    slapd.wait_for_binds(&format!("uid=user10,ou=people,{BASE}"), 1);
    let guesses = slapd.binds().iter().filter(|name| **name == format!("uid=user9,ou=people,{BASE}")).count();
    assert_eq!(guesses, 5, "the sixth was not shown to the directory");
    assert!(!world.server.log().contains("nobody,ou=people"), "what was typed is not in the log");
}

#[test]
fn forms_at_one_address_are_told_apart_by_their_sign_in() {
    let authority = Authority::new();
    let Some((scratch, slapd)) = directory(&authority) else { return };
    let hash = Transcript::fed(&["hash-password"], "local pass\n").stdout.trim().to_owned();
    scratch.write_private(
        "people.yaml",
        &format!("users:\n- {{username: user1, passwordHash: '{hash}', attributes: {{mail: local@x}}}}\n"),
    );
    let second = connector(&slapd.url(), "")
        .replace("name: dir", "name: admins")
        .replace(&format!("baseDN: '{BASE}"), &format!("baseDN: 'ou=admins,{BASE}"));
    let connectors = format!(
        "{}{second}  - {{name: here, type: local, usersFile: people.yaml, loginURL: /.ldap-login}}\n",
        connector(&slapd.url(), "")
    );
    let app = |name: &str| {
        format!(
            "  - name: {name}-page
    type: proxy
    routePatterns: [/{name}]
    upstream: http://127.0.0.1:9
    headers: [{{name: X-Email, value: '{{{{ {name}.mail }}}}'}}]
    policies: [{{location: /, authentication: {{idps: [{name}]}}, authorization: {{allowAll: true}}}}]
"
        )
    };
    let connectors = format!("{connectors}apps:\n{}{}", app("admins"), app("here"));
    let world = World::with_apps(scratch, &authority, &connectors);
    let signed_in = |path: &str, username: &str, password: &str| {
        let mut browser = Browser::new();
        let page = browser.open(&format!("{}{path}", world.server.url));
        assert_eq!(page.url.path(), "/.ldap-login");
        browser.submit_only(&page, &[("username", username), ("password", password)]).status
    };
    for (path, username, password, status) in [
        ("/app/x", "user1", "pass-1", 303),
        ("/app/x", "user1", "local pass", 401),
        ("/here", "user1", "local pass", 303),
        ("/here", "user1", "pass-1", 401),
        ("/admins", "a", "admin pass", 303),
        ("/admins", "user2", "pass-2", 401),
        // One of two in the whole tree, and the only one in this branch.
        ("/admins", "twin", "twin pass", 303),
    ] {
        assert_eq!(signed_in(path, username, password), status, "{path} {username}");
    }
}
