//! What is not known for certain of a person opens nothing: rules that ask for what a person lacks, about people who are
//! looked up in a directory.

use ldap3_proto::proto::{
    LdapFilter, LdapOp, LdapResult, LdapResultCode, LdapSearchResultReference, LdapSearchScope,
};

use super::{World, connector, directory};
use crate::cli::Transcript;
use crate::support::Scratch;
use crate::support::authority::Authority;
use crate::support::browser::Browser;
use crate::support::fake_idp::ldap::{FakeDirectory, Reply, done, entry};
use crate::support::slapd::{BASE, SERVICE};
use crate::support::upstream::Upstream;

/// Everybody signs in elsewhere and is looked up in `dir`; the page opens where the rule holds.
fn world(scratch: Scratch, directory: &str, rule: &str, people: &[&str]) -> World {
    let hash = Transcript::fed(&["hash-password"], "local pass\n").stdout.trim().to_owned();
    let users: String = people
        .iter()
        .map(|who| format!("- {{username: {who}, passwordHash: '{hash}', attributes: {{key: {who}}}}}\n"))
        .collect();
    scratch.write_private("people.yaml", &format!("users:\n{users}"));
    let upstream = Upstream::start();
    let connectors = format!(
        "{directory}  - {{name: here, type: local, usersFile: people.yaml}}
apps:
  - name: careful
    type: proxy
    routePatterns: [/careful]
    upstream: {}
    attrProviders: [{{connector: dir, usernameMapping: here.key}}]
    policies: [{{location: /, authentication: {{idps: [here]}}, authorization: {{rules: [{rule}]}}}}]
",
        upstream.url()
    );
    let mut world = World::with_apps(scratch, &Authority::new(), &connectors);
    // The page that is asked is this one's.
    world.upstream = upstream;
    world
}

#[track_caller]
fn assert_opens(world: &World, who: &str, status: u16) {
    let mut browser = Browser::new();
    let page = browser.open(&format!("{}/careful", world.server.url));
    let answer = browser.submit(&page, &[("username", who), ("password", "local pass")]);
    assert_eq!(answer.status, status, "{who}: {}", world.server.log());
}

const NO_CONTRACTOR: &str = "{notEquals: ['{{ dir.description }}', contractor]}";

fn elsewhere(urls: &[&str]) -> LdapOp {
    let uris = urls.iter().map(|url| (*url).to_owned()).collect();
    LdapOp::SearchResultReference(LdapSearchResultReference { uris })
}

fn named(uid: &str, more: &[(&str, &[&[u8]])]) -> LdapOp {
    let name: &[&[u8]] = &[uid.as_bytes()];
    let mut attributes = vec![("uid", name)];
    attributes.extend_from_slice(more);
    entry("cn=ann,dc=example,dc=com", &attributes)
}

/// A rule that asks for what a person lacks holds only for whom the directory certainly knows, or certainly does not.
#[test]
fn only_what_is_certain_opens() {
    let large = "x".repeat(70_000);
    let end = || done(LdapResultCode::Success);
    let table: Vec<(&str, u16, Vec<LdapOp>)> = vec![
        ("known", 200, vec![named("KNOWN", &[]), end()]),
        ("nobody", 200, vec![end()]),
        ("contractor", 403, vec![named("contractor", &[("description", &[b"contractor"])]), end()]),
        ("several", 403, vec![named("several", &[]), named("several", &[]), end()]),
        ("loose", 403, vec![named("l\u{f6}ose", &[]), end()]),
        ("nameless", 403, vec![entry("cn=ann,dc=example,dc=com", &[]), end()]),
        ("elsewhere", 403, vec![elsewhere(&["ldap://127.0.0.1:9/dc=x"]), end()]),
        ("nowhere", 200, vec![elsewhere(&["ldap://x/DC=DomainDnsZones,DC=example,DC=com"]), end()]),
        ("part", 403, vec![named("part", &[("description;range=0-0", &[b"x"])]), end()]),
        ("large", 403, vec![named("large", &[("description", &[large.as_bytes()])]), end()]),
        ("unread", 200, vec![named("unread", &[("info", &[large.as_bytes()])]), end()]),
    ];
    let answers = table.clone();
    let fake = FakeDirectory::start(move |operation| {
        let LdapOp::SearchRequest(search) = operation else { return Reply::Ordinary };
        let LdapFilter::Equality(_, name) = &search.filter else { return Reply::Ordinary };
        match answers.iter().find(|(who, _, _)| who == name) {
            Some((_, _, answer)) => Reply::Send(answer.clone()),
            None => Reply::Ordinary,
        }
    });
    let people: Vec<&str> = table.iter().map(|(who, _, _)| *who).collect();
    let world = world(Scratch::new(), &connector(&fake.url(), ""), NO_CONTRACTOR, &people);
    for (who, status, _) in table {
        assert_opens(&world, who, status);
    }
}

fn of_people(connector: &str) -> String {
    connector
        .replace(&format!("baseDN: '{BASE}"), &format!("baseDN: 'ou=people,{BASE}"))
        .replace("'}", "', userRDNKey: uid}")
}

/// A directory that is empty has nobody, too: that an entry is missing is certain when all above it is there.
#[test]
fn a_missing_base_is_not_a_missing_person() {
    let table = [
        ("nobody", 200, format!("ou=people,{BASE}")),
        ("spelled", 200, "OU=People, DC=Example,DC=com".to_owned()),
        ("lost", 403, BASE.to_owned()),
        ("mute", 403, String::new()),
        ("odd", 403, "people".to_owned()),
        ("other", 403, format!("ou=people,dc=x,{BASE}")),
    ];
    let answers = table.clone();
    let fake = FakeDirectory::start(move |operation| {
        let LdapOp::SearchRequest(search) = operation else { return Reply::Ordinary };
        match answers.iter().find(|(who, _, _)| search.base.starts_with(&format!("uid={who},"))) {
            Some((_, _, matched)) => Reply::Send(vec![LdapOp::SearchResultDone(LdapResult {
                code: LdapResultCode::NoSuchObject,
                matcheddn: matched.clone(),
                message: String::new(),
                referral: Vec::new(),
            })]),
            None => Reply::Ordinary,
        }
    });
    let people: Vec<&str> = table.iter().map(|(who, _, _)| *who).collect();
    let fakes = world(Scratch::new(), &of_people(&connector(&fake.url(), "")), NO_CONTRACTOR, &people);
    for (who, status, _) in &table {
        assert_opens(&fakes, who, *status);
    }
    let authority = Authority::new();
    let Some((scratch, slapd)) = directory(&authority) else { return };
    let real = of_people(&connector(&slapd.url(), ""));
    let real = world(scratch, &real, NO_CONTRACTOR, &["nobody", "user1"]);
    assert_opens(&real, "nobody", 200);
    assert_opens(&real, "user1", 200);
    // The same people below a base that is not there.
    let authority = Authority::new();
    let Some((scratch, slapd)) = directory(&authority) else { return };
    let lost = of_people(&connector(&slapd.url(), "")).replace("'ou=people,", "'ou=lost,");
    let lost = world(scratch, &lost, NO_CONTRACTOR, &["nobody"]);
    assert_opens(&lost, "nobody", 403);
}

/// Groups that are not all known are not known.
#[test]
fn groups_that_may_be_more_are_unknown() {
    type Groups = (&'static [&'static [u8]], fn() -> Vec<LdapOp>);
    const STAFF: &[u8] = b"cn=staff,dc=example,dc=com";
    let table: [(&str, u16, Groups); 9] = [
        ("staff", 200, (&[STAFF], Vec::new)),
        ("lonely", 200, (&[], Vec::new)),
        ("banned", 403, (&[STAFF, b"cn=banned,dc=example,dc=com"], Vec::new)),
        ("above", 403, (&[STAFF], || vec![entry("cn=banned,dc=example,dc=com", &[])])),
        ("nameless", 403, (&[STAFF, b"not a name"], Vec::new)),
        ("quoted", 403, (&[STAFF], || vec![entry("cn=\"banned\",dc=example,dc=com", &[])])),
        ("bytes", 403, (&[STAFF, b"cn=\xff,dc=example,dc=com"], Vec::new)),
        ("child", 403, (&[STAFF], || vec![elsewhere(&["ldap://child/DC=child,DC=example,DC=com"])])),
        ("partitions", 200, (&[STAFF], || vec![elsewhere(&["ldap://x/CN=Configuration,DC=example,DC=com"])])),
    ];
    let fake = FakeDirectory::start(move |operation| {
        let LdapOp::SearchRequest(search) = operation else { return Reply::Ordinary };
        let end = done(LdapResultCode::Success);
        match &search.filter {
            LdapFilter::Equality(_, name) => {
                let Some((who, _, (groups, _))) = table.iter().find(|(who, _, _)| who == name) else {
                    return Reply::Ordinary;
                };
                let dn = format!("uid={who},dc=example,dc=com");
                let uid: &[&[u8]] = &[who.as_bytes()];
                Reply::Send(vec![entry(&dn, &[("uid", uid), ("memberOf", groups)]), end])
            }
            LdapFilter::Or(members) if search.scope == LdapSearchScope::Subtree => {
                let asks = |who: &str| {
                    members.iter().any(|member| {
                        matches!(member, LdapFilter::Equality(_, name) if name.starts_with(&format!("uid={who},")))
                    })
                };
                let more = table.iter().find(|(who, _, _)| asks(who)).map(|(_, _, (_, more))| more());
                Reply::Send(more.into_iter().flatten().chain([end]).collect())
            }
            _ => Reply::Ordinary,
        }
    });
    let people: Vec<&str> = table.iter().map(|(who, _, _)| *who).collect();
    let rule = "{notContains: ['{{ dir.memberOf }}', 'cn=banned,dc=example,dc=com']}";
    let nested = connector(&fake.url(), ", nestedGroups: {enabled: true}");
    let world = world(Scratch::new(), &nested, rule, &people);
    for (who, status, _) in table {
        assert_opens(&world, who, status);
    }
    world.server.wait_for_log(&["event=ldap.groups.cut", "distinguished name"]);
    world.server.wait_for_log(&["event=ldap.groups.cut", "points at another one"]);
    assert!(fake.binds().iter().all(|name| name == SERVICE));
}
