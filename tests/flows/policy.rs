//! What rules, headers and claims read of a person: sets, what is not known, and sign-ins that count.

use ldap3_proto::proto::LdapResultCode;
use serde_json::{Value, json};

use super::{RETURN, Rp, alice};
use crate::cli::Transcript;
use crate::support::browser::{Answer, Browser};
use crate::support::fake_idp::ldap::{FakeDirectory, Reply, done, entry, is_user_search};
use crate::support::fake_idp::oidc::{At, FakeIdp, Quirk};
use crate::support::slapd::{SERVICE, SERVICE_PASSWORD};
use crate::support::upstream::Upstream;
use crate::support::{Launch, Scratch, Server, free_port};

/// A provider `okta`, a directory `dir` that knows Ann, and the apps of a test.
struct World {
    okta: FakeIdp,
    server: Server,
    _dir: FakeDirectory,
    _upstream: Upstream,
    _scratch: Scratch,
}

/// What the directory says of Ann.
type Values = &'static [(&'static str, &'static [&'static str])];

impl World {
    /// `connectors` and `apps` are more of the file; `UPSTREAM` in it is the application.
    fn start(ann: Values, connectors: &str, apps: &str) -> Self {
        let dir = FakeDirectory::start(move |operation| {
            if !is_user_search(operation) {
                return Reply::Ordinary;
            }
            let values: Vec<(&str, Vec<&[u8]>)> =
                ann.iter().map(|(name, list)| (*name, list.iter().map(|v| v.as_bytes()).collect())).collect();
            let mut values: Vec<(&str, &[&[u8]])> =
                values.iter().map(|(name, list)| (*name, list.as_slice())).collect();
            values.push(("uid", &[b"ann"]));
            Reply::Send(vec![entry("cn=ann,dc=example,dc=com", &values), done(LdapResultCode::Success)])
        });
        let mut person = alice();
        person["userType"] = json!("contractor");
        let okta = FakeIdp::start(person);
        let (scratch, upstream, port) = (Scratch::new(), Upstream::start(), free_port());
        scratch.write_signing_key();
        let url = format!("http://127.0.0.1:{port}");
        let yaml = format!(
            "version: '1'
http: {{address: '127.0.0.1:{port}'}}
connectors:
{okta}  - {{name: dir, type: ldap, url: '{dir}', baseDN: 'dc=example,dc=com', bindDN: '{SERVICE}', bindPassword: '{SERVICE_PASSWORD}'}}
{connectors}oidcProvider: {{discovery: {{issuer: '{url}'}}, jwks: [{{name: k, file: sign.pem}}]}}
apps:
{apps}",
            okta = okta.connector("okta", &format!("{url}/callback")),
            dir = dir.url(),
            apps = apps.replace("UPSTREAM", &upstream.url()),
        );
        let server = Launch::new(&scratch, &yaml, port).start();
        World { okta, server, _dir: dir, _upstream: upstream, _scratch: scratch }
    }

    fn open(&self, browser: &mut Browser, path: &str) -> Answer {
        browser.open(&format!("{}{path}", self.server.url))
    }

    /// Opens a page that asks for Ann's password at the directory.
    #[track_caller]
    fn as_ann(&self, browser: &mut Browser, path: &str) -> Answer {
        let page = self.open(browser, path);
        assert_eq!((page.status, page.forms().len()), (200, 1), "{path}: {}", page.text());
        browser.submit(&page, &[("username", "ann"), ("password", "secret")])
    }

    /// The claims of the ID token, which UserInfo says as well.
    #[track_caller]
    fn claims(&self, browser: &mut Browser) -> Value {
        let rp = Rp::new(&self.server.url, "portal", "a-secret-of-the-portal");
        self.redeemed(&rp, &rp.code(browser, &[]))
    }

    #[track_caller]
    fn redeemed(&self, rp: &Rp, code: &str) -> Value {
        let tokens = rp.redeem(code).json();
        let claims = Value::Object(rp.verified(&tokens).claims().clone());
        let info = rp.userinfo(tokens["access_token"].as_str().unwrap_or_default()).json();
        for (claim, value) in info.as_object().expect("claims") {
            assert_eq!(&claims[claim], value, "{claim}");
        }
        assert!(
            !claims
                .as_object()
                .unwrap()
                .values()
                .chain(info.as_object().unwrap().values())
                .any(Value::is_null)
        );
        claims
    }
}

/// A proxied page with a rule.
fn page(name: &str, idps: &str, header: &str, authorization: &str) -> String {
    format!(
        "  - name: {name}
    type: proxy
    routePatterns: [/{name}]
    upstream: UPSTREAM
    headers: [{{name: X-It, value: '{header}'}}]
    policies: [{{location: /, authentication: {{{idps}}}, authorization: {{{authorization}}}}}]
"
    )
}

fn portal(idps: &str, claims: &str) -> String {
    format!(
        "  - name: portal
    type: oidc
    clientID: portal
    clientSecret: a-secret-of-the-portal
    redirectURLs: ['{RETURN}']
    authentication: {{idps: [{idps}]}}
    claimsMapping: {{{claims}}}
"
    )
}

const OPEN: &str = "allowAll: true";

/// Rows of a table: a page, its rule, and what Ann gets.
fn pages(idps: &str, rows: &[(&str, &str, u16)]) -> String {
    let one = |(name, rule, _): &(&str, &str, u16)| page(name, idps, "x", &format!("rules: [{rule}]"));
    rows.iter().map(one).collect()
}

#[test]
fn one_group_is_a_set_of_one() {
    let rows = [
        ("end", "{contains: ['{{ dir.memberOf }}', 'cn=admins,ou=groups,dc=x']}", 403),
        ("part", "{contains: ['{{ dir.memberOf }}', admins]}", 403),
        ("whole", "{contains: ['{{ dir.memberOf }}', 'cn=zcn=admins,ou=groups,dc=x']}", 200),
        ("same", "{equals: ['{{ dir.memberOf }}', 'cn=zcn=admins,ou=groups,dc=x']}", 200),
        // A directory finds this name to be the same.
        ("out", "{notContains: ['{{ dir.memberOf }}', 'CN=Zcn\\3dAdmins, OU=groups,DC=X']}", 403),
        ("turned", "{notEquals: ['CN=Zcn\\3dAdmins, OU=groups,DC=X', '{{ dir.memberOf }}']}", 403),
        ("text", "{contains: ['{{ dir.title }}', dmi]}", 200),
    ];
    let common = [
        ("common-end", "{contains: ['{{ ha.groups }}', 'cn=admins,ou=groups,dc=x']}", 403),
        ("common-whole", "{contains: ['{{ ha.groups }}', 'cn=zcn=admins,ou=groups,dc=x']}", 200),
        ("common-out", "{notContains: ['{{ ha.groups }}', 'CN=ZCN\\3dadmins,OU=groups,DC=x']}", 403),
    ];
    let ha = "  - name: ha
    type: continuity
    failover: {idps: [dir, okta]}
    attributes: [{name: groups, mapping: {dir: memberOf, okta: roles}}]
";
    let apps = page("own", "idps: [dir]", "{{ dir.memberOf }}", OPEN)
        + &page("through", "idps: [ha]", "{{ ha.groups }}", OPEN)
        + &pages("idps: [dir]", &rows)
        + &pages("idps: [ha]", &common)
        + &portal("dir", "groups: dir.memberOf, title: dir.title");
    let ann: Values = &[("memberOf", &["cn=zcn=admins,ou=groups,dc=x"]), ("title", &["admin"])];
    let world = World::start(ann, ha, &apps);
    let mut browser = Browser::new().stop_at(RETURN);
    for (first, rows) in [("/own", &rows[..]), ("/through", &common[..])] {
        let shown = world.as_ann(&mut browser, first).json();
        assert_eq!(shown["headers"]["x-it"], "cn=zcn=admins%2Cou=groups%2Cdc=x", "it cannot look like three");
        for (name, rule, status) in rows {
            let answer = world.open(&mut browser, &format!("/{name}"));
            assert_eq!(answer.status, *status, "{rule}: {}", answer.text());
        }
    }
    let claims = world.claims(&mut browser);
    assert_eq!(
        (&claims["groups"], &claims["title"]),
        (&json!(["cn=zcn=admins,ou=groups,dc=x"]), &json!("admin"))
    );
}

/// A negated rule while the only member that has the attribute is down: every contractor would pass.
#[test]
fn what_the_serving_member_cannot_say_opens_nothing() {
    let ha = "  - name: ha
    type: continuity
    failover: {idps: [okta, dir]}
    attributes:
      - {name: type, mapping: {okta: userType}}
      - {name: email, mapping: {okta: email, dir: mail}}
      - {name: nick, mapping: {okta: nick, dir: nick}}
";
    let rows = [
        ("common", "{notEquals: ['{{ ha.type }}', contractor]}", 403),
        ("indexed", "{notContains: ['{{ ha.type.0 }}', contractor]}", 403),
        ("member", "{notEquals: ['{{ okta.userType }}', contractor]}", 403),
        ("positive", "{equals: ['{{ ha.type }}', staff]}", 403),
        (
            "or",
            "{or: [{notEquals: ['{{ ha.type }}', contractor]}, {equals: ['{{ ha.email }}', ann@example.com]}]}",
            200,
        ),
        ("who", "{notEquals: ['{{ okta.authenticated }}', 'true']}", 200),
        // The member that has a source says that there is nothing: that is known.
        ("nothing", "{notEquals: ['{{ ha.nick }}', contractor]}", 200),
    ];
    let apps = page("shown", "idps: [ha]", "{{ ha.type }}", OPEN)
        + &pages("idps: [ha]", &rows)
        + &portal("ha", "type: ha.type, email: ha.email, kind: okta.userType");
    let mut world = World::start(&[("mail", &["ann@example.com"])], ha, &apps);
    let mut contractor = Browser::new().stop_at(RETURN);
    let shown = world.open(&mut contractor, "/shown").json();
    assert_eq!(shown["headers"]["x-it"], "contractor");
    assert_eq!(world.open(&mut contractor, "/common").status, 403);
    assert_eq!(world.claims(&mut contractor)["type"], "contractor");
    world.okta.refuse();
    let mut browser = Browser::new().stop_at(RETURN);
    let shown = world.as_ann(&mut browser, "/shown").json();
    assert_eq!(shown["headers"]["x-it"], Value::Null, "{shown}");
    for (name, rule, status) in rows {
        let answer = world.open(&mut browser, &format!("/{name}"));
        assert_eq!(answer.status, status, "{rule}: {}", answer.text());
    }
    let claims = world.claims(&mut browser);
    assert_eq!(claims["email"], "ann@example.com");
    assert!(claims.get("type").is_none() && claims.get("kind").is_none(), "{claims}");
}

/// Too many groups to keep, behind a continuity connector of mixed members that names nothing.
#[test]
fn what_is_withheld_is_not_absent_under_another_spelling() {
    static MANY: [&str; 1_001] = ["cn=g,dc=x"; 1_001];
    let ha = "  - {name: ha, type: continuity, failover: {idps: [dir, okta]}}\n";
    let rows = [
        ("exact", "{notContains: ['{{ ha.memberOf }}', 'cn=banned,dc=x']}", 403),
        ("lower", "{notContains: ['{{ ha.memberof }}', 'cn=banned,dc=x']}", 403),
        ("first", "{notEquals: ['{{ ha.memberOf.0 }}', 'cn=banned,dc=x']}", 403),
        ("own", "{notEquals: ['{{ dir.MEMBEROF.0 }}', 'cn=banned,dc=x']}", 403),
        ("escaped", "{notEquals: ['{{ dir.member\\Of }}', 'cn=banned,dc=x']}", 403),
        ("absent", "{notEquals: ['{{ ha.groups }}', 'cn=banned,dc=x']}", 200),
    ];
    let apps = page("shown", "idps: [ha]", "{{ ha.memberOf }}", OPEN)
        + &pages("idps: [ha]", &rows)
        + &portal("ha", "groups: ha.memberOf, email: ha.mail");
    static ANN: Values = &[("mail", &["ann@example.com"]), ("memberOf", &MANY)];
    let world = World::start(ANN, ha, &apps);
    let mut browser = Browser::new().stop_at(RETURN);
    let shown = world.as_ann(&mut browser, "/shown").json();
    assert_eq!(shown["headers"]["x-it"], Value::Null, "{shown}");
    for (name, rule, status) in rows {
        let answer = world.open(&mut browser, &format!("/{name}"));
        assert_eq!(answer.status, status, "{rule}: {}", answer.text());
    }
    let claims = world.claims(&mut browser);
    assert!(claims["email"] == "ann@example.com" && claims.get("groups").is_none(), "{claims}");
}

/// A weak sign-in beside a strong one: where strength is asked for, it says nothing.
#[test]
fn a_sign_in_that_is_too_weak_decides_nothing() {
    let hash = Transcript::fed(&["hash-password"], "correct horse\n").stdout.trim().to_owned();
    let scratch = Scratch::new();
    let people = format!("users: [{{username: ada, passwordHash: '{hash}', attributes: {{vip: 'yes'}}}}]\n");
    scratch.write_private("people.yaml", &people);
    scratch.write_signing_key();
    let (upstream, port) = (Upstream::start(), free_port());
    let strong = "idps: [strong, weak], minimumAssurance: 5";
    let rows = [
        ("vip", "{equals: ['{{ weak.vip }}', 'yes']}", 403),
        ("not-vip", "{notEquals: ['{{ weak.vip }}', 'yes']}", 403),
        ("by-weak", "{equals: ['{{ weak.authenticated }}', 'true']}", 403),
        ("by-strong", "{equals: ['{{ strong.vip }}', 'yes']}", 200),
    ];
    let apps = page("low", "idps: [weak]", "x", OPEN)
        + &page("high", "idps: [strong]", "x", OPEN)
        + &page(
            "either",
            "idps: [strong, weak]",
            "{{ weak.vip }}",
            "rules: [{equals: ['{{ weak.vip }}', 'yes']}]",
        )
        + &pages(strong, &rows);
    let yaml = format!(
        "version: '1'
http: {{address: '127.0.0.1:{port}'}}
connectors:
  - {{name: weak, type: local, usersFile: people.yaml, assurance: 1}}
  - {{name: strong, type: local, usersFile: people.yaml, assurance: 9, loginURL: /.strong}}
apps:
{}",
        apps.replace("UPSTREAM", &upstream.url())
    );
    let server = Launch::new(&scratch, &yaml, port).start();
    let mut browser = Browser::new();
    for path in ["/low", "/high"] {
        let page = browser.open(&format!("{}{path}", server.url));
        assert_eq!((page.status, page.forms().len()), (200, 1), "{path}: {}", page.text());
        assert_eq!(browser.submit(&page, &[("username", "ada"), ("password", "correct horse")]).status, 200);
    }
    let either = browser.open(&format!("{}/either", server.url));
    assert_eq!(either.json()["headers"]["x-it"], "yes", "nobody asks for strength there");
    for (name, rule, status) in rows {
        let answer = browser.open(&format!("{}/{name}", server.url));
        assert_eq!(answer.status, status, "{rule}: {}", answer.text());
    }
}

/// The same app at the sign-in it asked for and at the next request.
#[test]
fn the_first_claims_are_those_of_the_next_time() {
    let apps =
        page("own", "idps: [dir]", "x", OPEN) + &portal("okta, dir", "email: okta.email, title: dir.title");
    let world = World::start(&[("title", &["Dr"])], "", &apps);
    let mut browser = Browser::new().stop_at(RETURN);
    assert_eq!(world.as_ann(&mut browser, "/own").status, 200);
    let rp = Rp::new(&world.server.url, "portal", "a-secret-of-the-portal");
    let first = world.redeemed(&rp, &rp.code(&mut browser, &[("prompt", "login")]));
    let next = world.claims(&mut browser);
    for claims in [first, next] {
        assert_eq!((&claims["email"], &claims["title"]), (&json!("alice@example.com"), &json!("Dr")));
    }
}

/// The ID token is enough for what is mapped, and UserInfo, which would say more, fails: what it would have said is
/// not known, and the sign-in speaks for nothing but the continuity connector.
#[test]
fn what_userinfo_would_have_said_is_not_nothing() {
    let ha = "  - name: ha
    type: continuity
    failover: {idps: [okta, dir]}
    attributes: [{name: team, mapping: {okta: groups, dir: ou}}]
";
    let rows = [
        ("member", "{notEquals: ['{{ okta.userType }}', contractor]}", 403),
        ("nested", "{notContains: ['{{ okta.more.types }}', contractor]}", 403),
        ("found", "{equals: ['{{ okta.groups }}', xxx]}", 200),
        ("common", "{equals: ['{{ ha.team }}', xxx]}", 200),
        ("who", "{equals: ['{{ okta.authenticated }}', 'true']}", 200),
    ];
    let apps = page("shown", "idps: [ha]", "{{ okta.userType }}", OPEN)
        + &page("direct", "idps: [okta]", "x", "rules: [{notEquals: ['{{ okta.userType }}', staff]}]")
        + &pages("idps: [ha]", &rows);
    let world = World::start(&[("ou", &["x"])], ha, &apps);
    let fails = [Quirk::TokenPadded(3), Quirk::Status(At::UserInfo, 503)];
    world.okta.misbehave(&fails);
    let mut browser = Browser::new();
    let shown = world.open(&mut browser, "/shown");
    assert_eq!(shown.status, 200, "{}", shown.text());
    assert_eq!(shown.json()["headers"]["x-it"], Value::Null);
    for (name, rule, status) in rows {
        let answer = world.open(&mut browser, &format!("/{name}"));
        assert_eq!(answer.status, status, "{rule}: {}", answer.text());
    }
    assert_eq!(world.open(&mut browser, "/direct").status, 400, "it needs a sign-in of its own, which fails");
    world.okta.misbehave(&[]);
    assert_eq!(world.open(&mut browser, "/direct").status, 200);
    assert_eq!(world.open(&mut browser, "/shown").json()["headers"]["x-it"], "contractor");
    assert_eq!(world.open(&mut browser, "/member").status, 403);
}
