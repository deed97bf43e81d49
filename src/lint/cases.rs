//! Rules beyond the two configurations of their pages: what they must not say, and what else they must. A case
//! is a fleet, a rule, and how often it speaks.

use super::tests::lint;
use crate::diag::Level;

const TOP: &str = "version: '1'\n";
const PROVIDER: &str = "oidcProvider:\n  discovery: {issuer: https://orch.example.com}\n  jwks: [{file: /etc/maverics/signing.pem}]\n";

/// A provider at a host, with further keys in flow style.
fn idp(name: &str, host: &str, rest: &str) -> String {
    format!(
        "  - {{name: {name}, type: oidc, oauthClientID: edge, oidcWellKnownURL: 'https://{host}/.well-known/openid-configuration'{rest}}}\n"
    )
}

/// A connector over SAML.
fn saml(name: &str, host: &str) -> String {
    format!(
        "  - {{name: {name}, type: saml, samlMetadataURL: 'https://{host}/metadata', samlConsumerServiceURL: 'https://orch.example.com/saml'}}\n"
    )
}

/// A directory, with further keys in flow style.
fn ldap(name: &str, url: &str, rest: &str) -> String {
    format!(
        "  - {{name: {name}, type: ldap, url: '{url}', baseDN: 'dc=x', bindDN: 'cn=svc', bindPassword: <ldap>{rest}}}\n"
    )
}

#[test]
fn one_failure_takes_what_it_takes_whatever_the_protocol() {
    let tenant = |name: &str| saml(name, "login.microsoftonline.com");
    let entra = idp("a", "login.microsoftonline.com/t", "");
    let other = "corp.eu.auth0.com";
    for (rule, times, members) in [
        ("backup-shares-vendor", 1, [entra.clone(), tenant("b")]),
        ("backup-shares-vendor", 0, [idp("a", other, ""), tenant("b")]),
        ("backup-shares-vendor", 1, [entra.clone(), saml("b", "sts.windows.net")]),
        ("backup-shares-vendor", 1, [idp("a", "c.okta.com", ""), ldap("b", "ldaps://c.ldap.okta.com", "")]),
        ("backup-shares-vendor", 0, [idp("a", "c.okta.com", ""), ldap("b", "ldaps://dc.corp.example", "")]),
        ("members-share-network-path", 1, [entra.clone(), tenant("b")]),
        (
            "members-share-network-path",
            1,
            [saml("a", "sso.corp.example"), ldap("b", "ldaps://sso.corp.example", "")],
        ),
        ("backup-shares-protocol", 0, [entra.clone(), tenant("b")]),
        ("backup-shares-protocol", 1, [saml("a", "x.example"), saml("b", "y.example.org")]),
        (
            "backup-shares-domain",
            1,
            [saml("a", "sso.corp.example"), ldap("b", "ldaps://dc.corp.example", "")],
        ),
        ("backup-shares-region", 0, [idp("a", other, ""), tenant("b")]),
    ] {
        speaks(rule, times, &file(&[&members[0], &members[1], &ha("a, b", "")]));
    }
    // A file names no host, so nothing is said about it.
    let by_file = saml("b", "x").replace("https://x/metadata", "file:///etc/idp.xml");
    for rule in ["backup-shares-vendor", "backup-shares-domain", "members-share-network-path"] {
        speaks(rule, 0, &file(&[&entra, &by_file, &ha("a, b", "")]));
    }
    let text = file(&[&entra, &by_file, &ha("a, b", "")]);
    speaks("saml-metadata-from-file", 1, &text);
    speaks("saml-metadata-from-file", 0, &file(&[&entra, &by_file]));
}

#[test]
fn directories() {
    let with =
        |url: &str, rest: &str| file(&[&idp("a", "a.example", ""), &ldap("b", url, rest), &ha("a, b", "")]);
    for (rule, times, text) in [
        ("directory-with-one-server", 1, with("ldaps://dc.example.com", "")),
        ("directory-with-one-server", 0, file(&[&ldap("b", "ldaps://dc.example.com", "")])),
    ] {
        speaks(rule, times, &text);
    }
}

#[test]
fn names_that_do_not_last() {
    let transient = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient";
    let member =
        |format: &str| saml("a", "a.example").replace("'}", &format!("', samlNameIDFormat: '{format}'}}"));
    let with = |format: &str, rest: &str, app: &str| {
        file(&[&member(format), &idp("b", "b.test", CALLBACK), &ha("a, b", rest)]) + app
    };
    let identity = |attribute: &str| {
        format!(
            ", attributes: [{{name: who, mapping: {{a: {attribute}, b: id}}}}], identity: {{attribute: who}}"
        )
    };
    for (times, text) in [
        (1, with(transient, &identity("nameID"), "")),
        (0, with(transient, &identity("employeeNumber"), "")),
        (0, with(transient, &identity("employeeNumber"), &app("ha", ""))),
        (0, with("urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", &identity("nameID"), "")),
        (1, with(transient, "", &app("ha", ""))),
        (1, with(transient, "", &app("a", ""))),
        (0, with(transient, "", &app("b", ""))),
        (0, with(transient, "", &app("ha", ", claimsMapping: {sub: ha.email}"))),
    ] {
        speaks("transient-nameid-as-identity", times, &text);
    }
    let asks = |by: &str| {
        let lookup = format!(", attrProviders: [{{connector: people, usernameMapping: {by}}}]");
        let rest = ", attributes: [{name: who, mapping: {a: email, b: email}}, {name: mail, mapping: {a: email, b: email}}], identity: {attribute: who}";
        file(&[&idp("a", "a.example", CALLBACK), &idp("b", "b.test", CALLBACK), LOCAL, &ha("a, b", rest)])
            + &app("ha", &lookup)
    };
    for (times, by) in [(0, "ha.who"), (1, "ha.mail"), (1, "a.email"), (0, "a.employee_id")] {
        speaks("look-up-by-mutable-claim", times, &asks(by));
    }
}

const LOCAL: &str = "  - {name: people, type: local, usersFile: /etc/maverics/users.yaml}\n";

fn ha(members: &str, rest: &str) -> String {
    format!("  - {{name: ha, type: continuity, failover: {{idps: [{members}]}}{rest}}}\n")
}

fn file(parts: &[&str]) -> String {
    format!("{TOP}connectors:\n{}", parts.concat())
}

/// How often a rule speaks of one file.
#[track_caller]
fn speaks(rule: &str, times: usize, text: &str) {
    let found = lint(&[text]).findings;
    let of_rule: Vec<&str> =
        found.iter().filter(|f| f.code.name == rule).map(|f| f.message.as_str()).collect();
    assert_eq!(of_rule.len(), times, "{rule}: {of_rule:?}\n{text}");
}

#[test]
fn variables_are_no_addresses_to_compare() {
    let text = file(&[&idp("a", "{{ env.A }}", ""), &idp("b", "{{ env.B }}", ""), &ha("a, b", "")]);
    for rule in
        ["member-listed-twice", "members-share-network-path", "backup-shares-domain", "backup-shares-vendor"]
    {
        speaks(rule, 0, &text);
    }
}

#[test]
fn one_provider_one_path_one_domain() {
    let two = |a: &str, b: &str| file(&[&idp("a", a, ""), &idp("b", b, ""), &ha("a, b", "")]);
    for (rule, times, a, b) in [
        ("member-listed-twice", 1, "idp.example", "idp.example"),
        ("members-share-network-path", 0, "idp.example", "idp.example"),
        ("members-share-network-path", 1, "idp.example/a", "idp.example/b"),
        ("members-share-network-path", 1, "203.0.113.4", "203.0.113.9"),
        ("members-share-network-path", 0, "203.0.113.4", "198.51.100.9"),
        ("members-share-network-path", 0, "10.0.0.4", "10.0.0.9"),
        ("backup-shares-domain", 1, "a.corp.example", "b.corp.example"),
        ("backup-shares-domain", 0, "a.co.uk", "b.co.uk"),
        ("backup-shares-domain", 1, "x.a.co.uk", "y.a.co.uk"),
        ("backup-shares-domain", 0, "a.okta.com", "b.okta.com"),
        ("backup-shares-domain", 0, "a.corp.local", "b.corp.local"),
    ] {
        speaks(rule, times, &two(a, b));
    }
    let watched = two("idp.example", "idp.example")
        .replace("configuration'", "configuration', healthCheck: {enabled: true}");
    assert!(!lint(&[&watched]).tiers[0].is_met(), "one provider under two names is no failover");
    let link = "    # maverics: network=mpls-a\n";
    let labelled = file(&[link, &idp("a", "a.example", ""), link, &idp("b", "b.test", ""), &ha("a, b", "")]);
    speaks("members-share-network-path", 1, &labelled);
    speaks("members-share-network-path", 0, &labelled.replace("mpls-a", "cloud"));
    // When our own domain is gone, nobody gets as far as a sign-in.
    let own = two("a.example.com", "b.example.com") + PROVIDER;
    speaks("backup-shares-domain", 0, &own);
}

#[test]
fn health_checks() {
    let with = |check: &str| {
        let check = format!(", healthCheck: {{enabled: true{check}}}");
        file(&[
            &idp("a", "a.example", &check),
            &idp("b", "b.net", ", healthCheck: {enabled: true}"),
            &ha("a, b", ""),
        ])
    };
    for (rule, times, check) in [
        ("timeout-not-below-interval", 0, ""),
        ("timeout-not-below-interval", 1, ", interval: 10s"),
        ("timeout-not-below-interval", 1, ", timeout: 30s"),
        ("timeout-not-below-interval", 0, ", timeout: 29s"),
        ("detection-too-slow", 0, ", interval: 30s, timeout: 30s, unhealthyThreshold: 3"),
        ("detection-too-slow", 1, ", interval: 31s, timeout: 30s, unhealthyThreshold: 3"),
        ("simulation-enabled", 0, ", simulation: {enabled: false, downtime: 1m}"),
    ] {
        speaks(rule, times, &with(check));
    }
    // Told once, though it is a member twice.
    let text =
        with(", healthyThreshold: 1") + "  - {name: second, type: continuity, failover: {idps: [b, a]}}\n";
    let found = lint(&[&text]).findings;
    let flapping: Vec<_> =
        found.iter().filter(|f| f.code.name == "healthy-threshold-invites-flapping").collect();
    assert_eq!(flapping.len(), 1, "{flapping:?}");
}

#[test]
fn one_page_for_all_members() {
    let with = |a: &str, b: &str| {
        let check = |custom: &str| format!(", healthCheck: {{enabled: true, customEndpoint: {{{custom}}}}}");
        file(&[&idp("a", "a.example", &check(a)), &idp("b", "b.test", &check(b)), &ha("a, b", "")])
    };
    let level = |text: &str| {
        let findings = lint(&[text]).findings;
        findings.iter().find(|f| f.code.name == "health-endpoint-shared-by-members").map(|f| f.level)
    };
    let page = "endpoint: 'https://m.example.com/idps'";
    let expecting = |word: &str| format!("{page}, responseMatcher: {{body: {{contains: {word}}}}}");
    assert_eq!(level(&with(page, page)), Some(Level::Error), "no answer tells them apart");
    assert_eq!(level(&with(&expecting("a-up"), &expecting("b-up"))), Some(Level::Warn), "the host is shared");
    assert_eq!(level(&with(page, "endpoint: 'https://n.example.com/idps'")), None);
}

#[test]
fn kinds_of_authentication() {
    let strong = ", assurance: 5";
    for (times, members) in [
        (1, [idp("a", "a.example", strong), LOCAL.to_owned()]),
        (0, [idp("a", "a.example", strong), LOCAL.replace('}', ", assurance: 1}")]),
        (0, [idp("a", "a.example", ""), saml("people", "b.test")]),
        (1, [idp("a", "a.example", strong), ldap("people", "ldaps://b.test", "")]),
        (0, [idp("a", "a.example", strong), ldap("people", "ldaps://b.test", ", assurance: 1")]),
    ] {
        let text = file(&[&members[0], &members[1], &ha("a, people", "")]);
        speaks("members-differ-in-assurance", times, &text);
    }
}

const CALLBACK: &str = ", oauthRedirectURL: 'https://orch.example.com/cb'";

fn app(idps: &str, rest: &str) -> String {
    format!(
        "{PROVIDER}apps:\n  - {{name: portal, type: oidc, clientID: portal, clientSecret: <vault.p>, redirectURLs: ['https://p.example.com/cb'], authentication: {{idps: [{idps}]}}{rest}}}\n"
    )
}

fn pair(rest: &str, app: &str) -> String {
    file(&[&idp("a", "a.example", CALLBACK), &idp("b", "b.test", CALLBACK), &ha("a, b", rest)]) + app
}

#[test]
fn apps_and_the_failover() {
    for (rule, times, idps) in [
        ("app-bypasses-continuity", 1, "a"),
        ("app-bypasses-continuity", 0, "a, b"),
        ("app-bypasses-continuity", 0, "ha"),
        ("continuity-unused", 1, "a"),
        ("continuity-unused", 0, "a, ha"),
        ("subject-not-stable-across-members", 0, "a"),
        ("subject-not-stable-across-members", 1, "ha"),
    ] {
        speaks(rule, times, &pair("", &app(idps, "")));
    }
    speaks("continuity-unused", 0, &pair("", ""));
    speaks("subject-not-stable-across-members", 0, &pair("", &app("ha", ", claimsMapping: {sub: ha.email}")));
    let proxy = "apps:\n  - name: wiki\n    type: proxy\n    routePatterns: [wiki.example.com]\n    upstream: http://wiki:80\n    policies:\n      - {location: /b, authentication: {idps: [ha]}}\n      - {location: /a, authentication: {idps: [a]}}\n";
    let text = pair("", proxy);
    speaks("app-bypasses-continuity", 1, &text);
    speaks("subject-not-stable-across-members", 0, &text);
    let finding = lint(&[&text]).findings.into_iter().find(|f| f.code.name == "app-bypasses-continuity");
    let at = finding.and_then(|f| f.place).expect("a place").span;
    assert_eq!(text.get(at.start - 1..at.end + 1), Some("[a]"), "in the policy of /a");
}

#[test]
fn words_of_one_member() {
    let rule = |operands: &str| format!(", authorization: {{rules: [{operands}]}}");
    for (times, rest) in [
        (1, ", claimsMapping: {email: a.email}".to_owned()),
        (0, ", claimsMapping: {email: ha.email, signed: a.authenticated}".to_owned()),
        (0, ", claimsMapping: {a: a.email, b: b.email}".to_owned()),
        (1, rule("{equals: ['{{ a.role }}', x]}")),
        (0, rule("{or: [{equals: ['{{ a.role }}', x]}, {equals: ['{{ b.role }}', x]}]}")),
    ] {
        speaks("claim-not-in-continuity", times, &pair("", &app("ha", &rest)));
    }
    let direct = app("ha, a", ", claimsMapping: {email: a.email}");
    speaks("claim-not-in-continuity", 0, &pair("", &direct));
}

#[test]
fn what_a_member_cannot_say_is_not_denied() {
    let rule = |operands: &str| format!(", authorization: {{rules: [{operands}]}}");
    let or = |operands: &str| rule(operands).replace("{rules:", "{rulesAggregationMethod: or, rules:");
    let typed = |more: &str| format!(", attributes: [{{name: type, mapping: {{a: userType}}{more}}}]");
    let negated = rule("{notEquals: ['{{ ha.type }}', contractor]}");
    let both = "{notEquals: ['{{ a.type }}', x]}, {notEquals: ['{{ b.type }}', x]}";
    let each = "{and: [{equals: ['{{ a.authenticated }}', 'true']}, {notEquals: ['{{ a.type }}', x]}]}, {and: [{equals: ['{{ b.authenticated }}', 'true']}]}";
    let minimum = ", authentication: {idps: [ha], minimumAssurance: 5}";
    let of_group = app("ha", &negated);
    for (times, group, rest) in [
        (1, typed(""), of_group.clone()),
        (1, typed(""), app("ha", &or("{notContains: ['{{ ha.type }}', contractor]}"))),
        (1, typed(""), app("ha", &rule("{or: [{and: [{notEquals: [x, '{{ ha.type.0 }}']}]}]}"))),
        (0, typed(", default: staff"), of_group.clone()),
        (0, typed(", required: true"), of_group.clone()),
        (0, typed("").replace("userType", "userType, b: kind"), of_group.clone()),
        (0, typed(""), app("ha", &rule("{equals: ['{{ ha.type }}', staff]}"))),
        (0, typed("") + ", identity: {attribute: type}", of_group.clone()),
        // Nobody comes here by the member that cannot say it.
        (0, typed(""), of_group.replace(", authentication: {idps: [ha]}", minimum)),
        (1, String::new(), app("ha", &rule("{notEquals: ['{{ a.type }}', x]}"))),
        (0, String::new(), app("ha", &rule("{notEquals: ['{{ a.authenticated }}', 'true']}"))),
        (0, String::new(), app("ha", &rule("{notEquals: ['{{ ha.type }}', x]}"))),
        (0, String::new(), app("ha, a", &rule("{notEquals: ['{{ a.type }}', x]}"))),
        (0, String::new(), app("a", &rule("{notEquals: ['{{ a.type }}', x]}"))),
        (2, String::new(), app("ha", &rule(both))),
        (0, String::new(), app("ha", &or(both))),
        (0, String::new(), app("ha", &rule(&format!("{{or: [{both}]}}")))),
        (0, String::new(), app("ha", &or(each))),
    ] {
        let text = pair(&group, &rest).replace("name: a,", "name: a, assurance: 5,");
        speaks("negated-rule-undecided", times, &text);
    }
}

#[test]
fn one_value_or_several() {
    let rules = |operands: &str| format!(", authorization: {{rules: [{operands}]}}");
    let contains = |path: &str| rules(&format!("{{contains: ['{{{{ {path} }}}}', x]}}"));
    let directory = |mapping: &str| ldap("dir", "ldaps://dc.corp.example", mapping);
    let corp = saml("corp", "sso.corp.example");
    let oidc = idp("a", "a.example", CALLBACK);
    let text = |mapping: &str, group: &str, idps: &str, rest: &str| {
        let group =
            format!("  - {{name: ha, type: continuity, failover: {{idps: [dir, corp, a]}}{group}}}\n");
        file(&[&directory(mapping), &corp, &oidc, &group]) + &app(idps, rest)
    };
    let ha = |source: &str, more: &str| {
        format!(", attributes: [{{name: g, mapping: {{dir: {source}, corp: groups, a: g}}{more}}}]")
    };
    for (times, text) in [
        (0, text("", "", "dir", &contains("dir.memberOf"))),
        (0, text("", "", "dir", &contains("dir.MEMBEROF;x-a"))),
        (0, text("", "", "dir", &contains("dir.department.0"))),
        (0, text("", "", "dir", &contains("dir.dn"))),
        (
            0,
            text(
                "",
                "",
                "dir",
                &rules("{contains: ['a {{ dir.department }}', x]}, {equals: ['{{ dir.title }}', x]}"),
            ),
        ),
        (1, text("", "", "dir", &contains("dir.department"))),
        (1, text("", "", "dir", &rules("{or: [{notContains: ['{{ dir.department }}', x]}]}"))),
        (0, text(", attributeMapping: {teams: memberOf}", "", "dir", &contains("dir.teams"))),
        (0, text(", attributeMapping: {groups: department}", "", "dir", &contains("dir.groups"))),
        (1, text(", attributeMapping: {teams: department}", "", "dir", &contains("dir.teams"))),
        (0, text("", "", "corp", &contains("corp.http://schemas.xmlsoap.org/claims/Group"))),
        (0, text("", "", "corp", &contains("corp.nameID"))),
        (1, text("", "", "corp", &contains("corp.http://schemas.xmlsoap.org/claims/Team"))),
        (1, text("", "", "corp", &contains("corp.MemberOf"))),
        (0, text("", "", "a", &contains("a.department"))),
        (0, text("", &ha("memberOf", ""), "ha", &contains("ha.g"))),
        (1, text("", &ha("department", ""), "ha", &contains("ha.g"))),
        (0, text("", &ha("department", ", multiValued: true"), "ha", &contains("ha.g"))),
        (0, text("", &ha("department", ", multiValued: false"), "ha", &contains("ha.g"))),
        (0, text("", "", "ha", &contains("ha.memberOf"))),
        (1, text("", "", "ha", &contains("ha.department"))),
    ] {
        speaks("contains-counts-values", times, &text);
    }
    // What a directory and an assertion give as a set is of the same shape as a list in a token.
    let shaped = |source: &str| text("", &ha(source, "").replace("a: g", "a: groups"), "ha", "");
    speaks("attribute-shape-differs", 0, &shaped("memberOf"));
    speaks("attribute-shape-differs", 1, &shaped("authorities"));
}

#[test]
fn attributes() {
    let with = |attributes: &str| pair(&format!(", attributes: [{attributes}]"), "");
    for (rule, times, attribute) in [
        ("privileged-attribute-default", 1, "{name: isAdmin, mapping: {a: x}, default: true}"),
        ("privileged-attribute-default", 0, "{name: active, mapping: {a: x}, default: true}"),
        ("attribute-shape-differs", 1, "{name: r, mapping: {a: role, b: 'https://x/claims/roles'}}"),
        ("attribute-shape-differs", 0, "{name: r, mapping: {a: role, b: group}}"),
        ("attribute-shape-differs", 0, "{name: r, mapping: {a: roles, b: groups}}"),
        ("attribute-shape-differs", 0, "{name: r, mapping: {a: role, b: roles}, multiValued: false}"),
        ("oidc-claim-name-on-saml-member", 0, "{name: n, mapping: {a: given_name, b: given_name}}"),
    ] {
        speaks(rule, times, &with(attribute));
    }
    let identity = |mapping: &str, rest: &str| {
        pair(
            &format!(
                ", attributes: [{{name: who, mapping: {{{mapping}}}}}], identity: {{attribute: who{rest}}}"
            ),
            "",
        )
    };
    for (times, mapping, rest) in [
        (1, "a: email, b: preferred_username", ""),
        (0, "a: username, b: preferred_username", ""),
        (0, "a: email, b: mail", ""),
        (1, "a: email, b: mail", ", trustedEmailIdps: [a]"),
        (0, "a: email, b: mail", ", trustedEmailIdps: [a], allowedDomains: {a: [example.com]}"),
    ] {
        speaks("email-as-identity-from-mutable-claim", times, &identity(mapping, rest));
    }
}

#[test]
fn sites_that_lose_the_line() {
    let at = |host: &str| format!(", oauthRedirectURL: 'https://{host}/cb'");
    let two = |ours: &str, backup: &str| {
        file(&[
            &idp("cloud", "corp.okta.com", &at(ours)),
            &idp("backup", backup, &at(ours)),
            &ha("cloud, backup", ""),
        ])
    };
    for (times, ours, backup) in [
        (1, "orch.site.local", "corp.eu.auth0.com"),
        (0, "orch.site.local", "keycloak.local"),
        (0, "orch.example.com", "corp.eu.auth0.com"),
        (0, "orch.localhost", "corp.eu.auth0.com"),
    ] {
        speaks("no-local-fallback", times, &two(ours, backup));
    }
    let called_local = two("orch.example.com", "corp.eu.auth0.com").replace("backup", "local-idp");
    speaks("remote-tactical-fallback", 1, &called_local);
    let by_comment = two("orch.example.com", "corp.eu.auth0.com")
        .replace("  - {name: backup", "  # maverics: network=local\n  - {name: backup");
    speaks("remote-tactical-fallback", 1, &by_comment);
    speaks("remote-tactical-fallback", 0, &two("orch.site.local", "keycloak.local"));
    let check = ", healthCheck: {enabled: true, interval: 10s, timeout: 5s, customEndpoint: {endpoint: 'https://m.example.com/x'}}";
    let afar = file(&[
        &idp("cloud", "corp.okta.com", check),
        &idp("site", "kc.local", check),
        &ha("cloud, site", ""),
    ]);
    speaks("remote-tactical-fallback", 1, &afar);
    let missing = &lint(&[&afar]).tiers[3].missing;
    assert_eq!(
        missing.as_slice(),
        ["`m.example.com`, beyond the local network, decides whether `site` is well"]
    );
}

fn orchestrator(me: &str, roots: &[&str]) -> String {
    let idps: String = roots.iter().map(|root| idp(root, &format!("{root}.example.com"), "")).collect();
    format!(
        "{}oidcProvider:\n  discovery: {{issuer: 'https://{me}.example.com'}}\n  jwks: [{{file: k.pem}}]\n",
        file(&[&idps])
    )
}

#[test]
fn circles() {
    let count = |files: &[String]| {
        let files: Vec<&str> = files.iter().map(String::as_str).collect();
        lint(&files).findings.iter().filter(|f| f.code.name == "federation-cycle").count()
    };
    let chain: Vec<String> =
        (0..50).map(|i| orchestrator(&format!("o{i}"), &[format!("o{}", i + 1).as_str()])).collect();
    assert_eq!(count(&chain), 0);
    assert_eq!(count(&[orchestrator("me", &["me"])]), 1);
    let diamond = [
        orchestrator("a", &["b", "c"]),
        orchestrator("b", &["d"]),
        orchestrator("c", &["d"]),
        orchestrator("d", &[]),
    ];
    assert_eq!(count(&diamond), 0, "two ways to one root are no circle");
    assert_eq!(count(&[diamond[0].clone(), orchestrator("b", &["a"]), orchestrator("c", &["a"])]), 2);
}

#[test]
fn cookies_and_locations() {
    let cookie = |domain: &str| pair("", &format!("session: {{cookie: {{domain: {domain}}}}}\n"));
    let level = |text: &str| {
        let findings = lint(&[text]).findings;
        findings.iter().find(|f| f.code.name == "session-cookie-domain-too-wide").map(|f| f.level)
    };
    assert_eq!(level(&cookie(".example.com")), Some(Level::Warn));
    assert_eq!(level(&cookie("orch.example.com")), None);
    assert_eq!(level(&cookie("com")), Some(Level::Error));
    assert_eq!(level(&cookie("co.uk")), Some(Level::Error));
    let with_app = pair("", &format!("session: {{cookie: {{domain: example.com}}}}\n{}", app("ha", "")));
    assert_eq!(level(&with_app), Some(Level::Warn), "orch.example.com is the only host");
    let routes = "apps:\n  - {name: w, type: proxy, routePatterns: ['wiki.example.com:443'], upstream: 'http://w', policies: [{location: /, authentication: {idps: [ha]}}]}\n";
    assert_eq!(level(&pair("", &format!("session: {{cookie: {{domain: example.com}}}}\n{routes}"))), None);
    let open = |policies: &str| {
        let app = format!(
            "apps:\n  - {{name: w, type: proxy, routePatterns: [w.example.com], upstream: 'http://w', policies: [{policies}]}}\n"
        );
        let findings = lint(&[&pair("", &app)]).findings;
        findings.iter().find(|f| f.code.name == "proxy-location-open-to-all").map(|f| f.level)
    };
    let to_all = "authentication: {allowUnauthenticated: true}";
    assert_eq!(open(&format!("{{location: /, {to_all}}}")), Some(Level::Warn));
    assert_eq!(open(&format!("{{location: '~ .*', {to_all}}}")), Some(Level::Warn));
    assert_eq!(open(&format!("{{location: '~ \\.css$', {to_all}}}")), None);
    let guarded = format!("{{location: /, {to_all}}}, {{location: /admin, authentication: {{idps: [ha]}}}}");
    assert_eq!(open(&guarded), Some(Level::Info));
}
