//! `attrProviders`: a person is looked up after the sign-in, with `local` as the directory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ldap3_proto::proto::LdapResultCode;
use serde_json::Value;

use super::{RETURN, Rp};
use crate::cli::Transcript;
use crate::support::browser::{Answer, Browser};
use crate::support::fake_idp::ldap::{FakeDirectory, Reply, done, entry, is_user_search};
use crate::support::slapd::{SERVICE, SERVICE_PASSWORD};
use crate::support::upstream::Upstream;
use crate::support::{Launch, Scratch, Server, free_port};

struct World {
    server: Server,
    scratch: Scratch,
    directory: String,
    _upstream: Upstream,
}

/// Ada is in the directory, Bob is not; the directory has another person as well, whom Ada's entry leads to.
fn start() -> World {
    let scratch = Scratch::new();
    let upstream = Upstream::start();
    let hash = Transcript::fed(&["hash-password"], "correct horse\n").stdout.trim().to_owned();
    scratch.write_private(
        "people.yaml",
        &format!(
            "users:
- {{username: ada, passwordHash: '{hash}', attributes: {{staffNumber: '1', lead: '2', vip: 'yes'}}}}
- {{username: bob, passwordHash: '{hash}', attributes: {{staffNumber: '9'}}}}
- {{username: eve, passwordHash: '{hash}', attributes: {{lead: '2'}}}}
"
        ),
    );
    let directory = format!(
        "users:
- {{username: '1', passwordHash: '{hash}', attributes: {{kind: employee, teams: [red, 'a,b']}}}}
- {{username: '2', passwordHash: '{hash}', attributes: {{kind: contractor, teams: [blue], authenticated: 'true'}}}}
"
    );
    scratch.write_private("directory.yaml", &directory);
    scratch.write_signing_key();
    let port = free_port();
    let upstream_url = upstream.url();
    let app = |name: &str, by: &str, rules: &str| {
        format!(
            "  - name: {name}
    type: proxy
    routePatterns: [/{name}]
    upstream: {upstream_url}
    attrProviders: [{{connector: dir, usernameMapping: people.{by}}}]
    headers:
      - {{name: X-Kind, value: '{{{{ dir.kind }}}}'}}
      - {{name: X-Teams, value: '{{{{ dir.teams }}}}'}}
      - {{name: X-Signed-In, value: '{{{{ dir.authenticated }}}}'}}
    policies: [{{location: /, authentication: {{idps: [people]}}, authorization: {rules}}}]
"
        )
    };
    let not_contractor = "{notEquals: ['{{ dir.kind }}', contractor]}";
    let yaml = format!(
        "version: '1'
http: {{address: '127.0.0.1:{port}'}}
connectors:
  - {{name: people, type: local, usersFile: people.yaml}}
  - {{name: dir, type: local, usersFile: directory.yaml, loginURL: /.directory}}
oidcProvider: {{discovery: {{issuer: 'http://127.0.0.1:{port}'}}, jwks: [{{name: s, type: rsa, file: sign.pem}}]}}
apps:
{open}{lead}{staff}{vip}  - name: portal
    type: oidc
    clientID: portal
    clientSecret: a-secret-of-the-portal
    redirectURLs: ['{RETURN}']
    authentication: {{idps: [people]}}
    attrProviders: [{{connector: dir, usernameMapping: people.staffNumber}}]
    authorization: {{rules: [{not_contractor}]}}
    claimsMapping: {{kind: dir.kind, teams: dir.teams}}
",
        open = app("open", "staffNumber", "{allowAll: true}"),
        lead = app("lead", "lead", "{allowAll: true}"),
        staff = app("staff", "staffNumber", &format!("{{rules: [{not_contractor}]}}")),
        vip = app(
            "vip",
            "staffNumber",
            &format!("{{rulesAggregationMethod: or, rules: [{not_contractor}, {{equals: ['{{{{ people.vip }}}}', 'yes']}}]}}")
        ),
    );
    let server = Launch::new(&scratch, &yaml, port).start();
    World { server, scratch, directory, _upstream: upstream }
}

impl World {
    fn sign_in(&self, browser: &mut Browser, path: &str, username: &str) -> Answer {
        let page = browser.open(&format!("{}{path}", self.server.url));
        assert_eq!((page.status, page.forms().len()), (200, 1), "{path}: {}", page.text());
        browser.submit(&page, &[("username", username), ("password", "correct horse")])
    }

    fn open(&self, browser: &mut Browser, path: &str) -> Answer {
        browser.open(&format!("{}{path}", self.server.url))
    }

    fn directory_goes(&self) {
        std::fs::remove_file(self.scratch.path("directory.yaml")).expect("the file goes");
    }

    fn failures(&self) -> usize {
        self.server.log().lines().filter(|line| line.contains("event=attributes.lookup.failed")).count()
    }
}

fn header(answer: &Answer, name: &str) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["headers"][name].clone()
}

#[test]
fn looked_up_once_by_the_name_each_app_wants() {
    let world = start();
    let mut browser = Browser::new();
    let first = world.sign_in(&mut browser, "/open", "ada");
    assert_eq!(header(&first, "x-kind"), "employee");
    assert_eq!(header(&first, "x-teams"), "red,a%2Cb");
    assert_eq!(header(&first, "x-signed-in"), Value::Null, "a look-up is no sign-in");
    // The same directory, asked about somebody else, in the same session.
    let lead = world.open(&mut browser, "/lead");
    assert_eq!((header(&lead, "x-kind"), header(&lead, "x-signed-in")), ("contractor".into(), Value::Null));
    assert_eq!(header(&world.open(&mut browser, "/open"), "x-kind"), "employee", "each app has its own");
    // What is known is not asked again: the session goes on with it while the directory changes, and is gone.
    let changed = world.directory.replace("kind: employee", "kind: pensioner");
    let new = world.scratch.write_private("directory.new", &changed);
    std::fs::rename(new, world.scratch.path("directory.yaml")).expect("the file is replaced");
    assert_eq!(header(&world.open(&mut browser, "/open"), "x-kind"), "employee");
    let another = world.sign_in(&mut Browser::new(), "/open", "ada");
    assert_eq!(header(&another, "x-kind"), "pensioner", "another session asks for itself");
    world.directory_goes();
    assert_eq!(header(&world.open(&mut browser, "/open"), "x-kind"), "employee");
    assert_eq!(world.failures(), 0, "{}", world.server.log());
}

#[test]
fn a_directory_that_is_gone_takes_nothing_away_and_opens_nothing() {
    let world = start();
    world.directory_goes();
    let mut browser = Browser::new().stop_at(RETURN);
    let open = world.sign_in(&mut browser, "/open", "ada");
    assert_eq!(header(&open, "x-kind"), Value::Null, "the sign-in goes on without");
    let line = world.server.wait_for_log(&["event=attributes.lookup.failed", "connector=dir", "app=open"]);
    assert!(line.contains("reason=file-unreadable"), "{line}");
    let refused = world.open(&mut browser, "/staff");
    assert_eq!(refused.status, 503, "not a contractor, as far as anybody knows: {}", refused.text());
    assert!(refused.header("retry-after").is_some() && refused.text().contains("signed in"));
    assert_eq!(world.open(&mut browser, "/vip").status, 200, "decided without the directory");
    let rp = Rp::new(&world.server.url, "portal", "a-secret-of-the-portal");
    let answer = browser.open(&rp.request(&[]));
    assert_eq!(answer.param("error").as_deref(), Some("temporarily_unavailable"), "{:?}", answer.location());
    assert_eq!(world.failures(), 1, "asked once, not on every request");
    // It comes back: whoever signs in now has everything.
    world.scratch.write_private("directory.yaml", &world.directory);
    let mut later = Browser::new().stop_at(RETURN);
    assert_eq!(header(&world.sign_in(&mut later, "/staff", "ada"), "x-kind"), "employee");
    let tokens = rp.tokens(&mut later);
    let claims = rp.verified(&tokens);
    assert_eq!(claims.claims()["kind"], "employee");
    assert_eq!(claims.claims()["teams"], serde_json::json!(["red", "a,b"]));
}

#[test]
fn somebody_unknown_has_no_attributes_and_somebody_unnamed_is_not_asked_about() {
    let world = start();
    let mut browser = Browser::new();
    let bob = world.sign_in(&mut browser, "/staff", "bob");
    assert_eq!(header(&bob, "x-kind"), Value::Null, "the directory answered: it has no such person");
    assert_eq!(world.failures(), 0);
    // Eve has no staff number: nobody can say what she is, and trying again would not help.
    let eve = world.sign_in(&mut Browser::new(), "/staff", "eve");
    assert_eq!(eve.status, 403, "{}", eve.text());
    world.server.wait_for_log(&["event=attributes.lookup.failed", "reason=no-username"]);
}

/// A directory of its own kind: names in any case, its own delimiter, one search for the session.
#[test]
fn a_directory_is_asked_once_and_read_in_its_own_manner() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let directory = FakeDirectory::start(move |operation| {
        if !is_user_search(operation) {
            return Reply::Ordinary;
        }
        counted.fetch_add(1, Ordering::Relaxed);
        let groups: &[&[u8]] = &[b"cn=red,ou=teams", b"cn=a;b"];
        let values =
            [("uid", &[b"ann" as &[u8]] as &[&[u8]]), ("mail", &[b"ann@example.com"]), ("memberOf", groups)];
        let ann = entry("cn=ann,dc=example,dc=com", &values);
        Reply::Send(vec![ann, done(LdapResultCode::Success)])
    });
    let scratch = Scratch::new();
    let upstream = Upstream::start();
    let hash = Transcript::fed(&["hash-password"], "correct horse\n").stdout.trim().to_owned();
    scratch.write_private("people.yaml", &format!("users: [{{username: ann, passwordHash: '{hash}'}}]\n"));
    let port = free_port();
    let yaml = format!(
        "version: '1'
http: {{address: '127.0.0.1:{port}'}}
connectors:
  - {{name: people, type: local, usersFile: people.yaml}}
  - {{name: dir, type: ldap, url: '{url}', baseDN: 'dc=example,dc=com', bindDN: '{SERVICE}', bindPassword: '{SERVICE_PASSWORD}', attributeDelimiter: ';'}}
apps:
  - name: page
    type: proxy
    routePatterns: [/]
    upstream: {upstream}
    attrProviders: [{{connector: dir, usernameMapping: people.username}}]
    headers: [{{name: X-Mail, value: '{{{{ dir.MAIL }}}}'}}, {{name: X-Groups, value: '{{{{ dir.memberof }}}}'}}]
    policies: [{{location: /, authentication: {{idps: [people]}}, authorization: {{rules: [{{contains: ['{{{{ dir.MEMBEROF }}}}', 'cn=red,ou=teams']}}]}}}}]
",
        url = directory.url(),
        upstream = upstream.url(),
    );
    let server = Launch::new(&scratch, &yaml, port).start();
    let mut browser = Browser::new();
    let page = browser.open(&server.url);
    let first = browser.submit(&page, &[("username", "ann"), ("password", "correct horse")]);
    assert_eq!(header(&first, "x-mail"), "ann@example.com", "{}", server.log());
    assert_eq!(header(&first, "x-groups"), "cn=red,ou=teams;cn=a%3Bb");
    for _ in 0..3 {
        assert_eq!(browser.open(&server.url).status, 200);
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1, "once for the session");
}
