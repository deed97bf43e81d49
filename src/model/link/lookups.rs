//! Who is asked about a person after the sign-in (`attrProviders`).

use super::Linking;
use super::apps::Usable;
use super::connectors::Connectors;
use super::names::Named;
use crate::config::access::AttrProvider;
use crate::config::codes as form;
use crate::config::yaml::child;
use crate::model::app::Lookup;
use crate::model::{ProviderRef, codes};

/// The look-ups of an app, and what it may read with them. What names the person is something a sign-in said,
/// never something that was itself looked up.
pub(super) fn link(
    linking: &mut Linking<'_>,
    at: &str,
    written: &[AttrProvider],
    usable: Usable,
    connectors: &Connectors,
) -> (Vec<Lookup>, Usable) {
    let mut lookups: Vec<Lookup> = Vec::new();
    let mut readable = Vec::new();
    for (i, entry) in written.iter().enumerate() {
        let pointer = format!("{at}/{i}");
        let at_connector = child(&pointer, "connector");
        if written[..i].iter().any(|before| before.connector == entry.connector) {
            let words = format!("`{}` is asked twice", entry.connector);
            linking.at_value(&codes::DUPLICATE_NAME, &at_connector, words).help =
                Some("List each connector once: what it says is read under its name.".into());
            continue;
        }
        let by =
            usable.path(linking, &child(&pointer, "usernameMapping"), &entry.username_mapping, connectors);
        // A name that nobody has, or whose section has faults, is one mistake, told there.
        readable.push(entry.connector.as_str());
        let idp = match connectors.names.by_name.get(&entry.connector) {
            Some(Named::Known(ProviderRef::Idp(index)))
                if connectors.idps[index.0].facts.protocol.answers_look_ups() =>
            {
                *index
            }
            Some(Named::Known(_)) => {
                let words = format!("`{}` cannot be asked about a person by name", entry.connector);
                linking.at_value(&form::BAD_VALUE, &at_connector, words).help =
                    Some("Name a connector of type `ldap`, `activedirectory` or `local`.".into());
                continue;
            }
            Some(Named::Broken) | None => continue,
        };
        if let Some(by) = by {
            lookups.push(Lookup { idp, name: entry.connector.clone(), by, pointer });
        }
    }
    (lookups, readable.into_iter().fold(usable, Usable::and))
}

#[cfg(test)]
mod tests {
    use crate::diag::Sources;
    use crate::model::App;
    use crate::model::read::{ReadOptions, Reading, read};

    fn reading(providers: &str, value: &str) -> Reading {
        let text = format!(
            "version: '1'
connectors:
  - {{name: okta, type: oidc, oauthClientID: x, oauthRedirectURL: 'https://o.example.com/cb', oidcWellKnownURL: 'https://c.okta.com/.well-known/openid-configuration'}}
  - {{name: people, type: local, usersFile: people.yaml}}
  - {{name: dir, type: ldap, url: 'ldaps://dc.example.com', baseDN: 'dc=x', bindDN: 'cn=x', bindPassword: <p>, attributeDelimiter: ';'}}
  - {{name: other, type: ldap, url: 'ldaps://dc.example.org', baseDN: 'dc=x', bindDN: 'cn=x', bindPassword: <p>, attributeDelimiter: ';'}}
  - {{name: ha, type: continuity, failover: {{idps: [okta, people]}}, attributes: [{{name: email, mapping: {{okta: email, people: mail}}}}]}}
  - {{name: dirs, type: continuity, failover: {{idps: [dir, other]}}}}
apps:
  - name: wiki
    type: proxy
    routePatterns: [wiki.example.com]
    upstream: https://wiki.internal
    attrProviders: [{providers}]
    headers: [{{name: X-It, value: '{value}'}}]
    policies: [{{location: /, authentication: {{idps: [ha, dirs]}}, authorization: {{allowAll: true}}}}]
"
        );
        read("t.yaml", &text, &mut Sources::default(), &ReadOptions::default())
    }

    /// What is said of them, apart from what is not run yet.
    fn said(providers: &str, value: &str) -> Vec<String> {
        let findings = reading(providers, value).findings;
        let of_names = findings.iter().filter(|f| f.code.name != "unsupported-here");
        of_names.map(|finding| finding.message.clone()).collect()
    }

    #[test]
    fn who_may_be_asked_and_by_what() {
        for (providers, value, want) in [
            ("{connector: people, usernameMapping: ha.email}", "{{ people.unit }}", vec![]),
            ("{connector: dir, usernameMapping: okta.sub}", "{{ dir.mail }} of {{ ha.email }}", vec![]),
            (
                "{connector: okta, usernameMapping: ha.email}",
                "x",
                vec!["`okta` cannot be asked about a person by name"],
            ),
            (
                "{connector: ha, usernameMapping: ha.email}",
                "x",
                vec!["`ha` cannot be asked about a person by name"],
            ),
            ("{connector: dir, usernameMapping: ha.phone}", "x", vec!["`ha` has no attribute `phone`"]),
            (
                "{connector: dir, usernameMapping: email}",
                "x",
                vec!["`email` has no dot: write `connector.attribute`"],
            ),
            (
                "{connector: dir, usernameMapping: ha.email}, {connector: dir, usernameMapping: okta.sub}",
                "x",
                vec!["`dir` is asked twice"],
            ),
            (
                "{connector: nobody, usernameMapping: ha.email}",
                "{{ nobody.mail }}",
                vec!["there is no connector `nobody`"],
            ),
        ] {
            assert_eq!(said(providers, value), want, "{providers} {value}");
        }
        let chained = "{connector: people, usernameMapping: ha.email}, {connector: elsewhere, usernameMapping: people.id}";
        assert!(!said(chained, "x").is_empty(), "a look-up is no sign-in");
    }

    #[test]
    fn a_directory_is_read_in_its_own_manner() {
        let reading = reading("{connector: dir, usernameMapping: ha.email}", "{{ DIRS.x }}");
        assert!(reading.deployment.is_none());
        let known = |value: &str| {
            let linked = self::reading("{connector: dir, usernameMapping: ha.email}", value);
            let wrong = linked.findings.iter().any(|f| f.code.name == "bad-claim-path");
            (!wrong).then(|| linked.deployment.map(|deployment| deployment.apps.len()))
        };
        assert!(known("{{ dir.MAIL }} {{ dirs.memberOf }}").is_some());
        let linked = self::reading("{connector: dir, usernameMapping: ha.email}", "{{ dir.MAIL }}");
        let Some(deployment) = linked.deployment else { return };
        let App::Proxy(app) = &deployment.apps[0] else { panic!("a proxied app") };
        let lookup = &app.lookups[0];
        assert_eq!((lookup.name.as_str(), lookup.by.connector.as_str()), ("dir", "ha"));
        assert!(!lookup.by.manner.any_case);
    }
}
