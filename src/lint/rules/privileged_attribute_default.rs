//! Attributes: everybody of whom nothing is known becomes an administrator.

use serde_json::Value;

use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::tier::Tier;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1051",
        name: "privileged-attribute-default",
        level: Level::Error,
        summary: "an attribute falls back to a privileged value",
        page: PAGE,
    },
    tier: Some(Tier::Basic),
    check,
};

const PAGE: &str = r#"A `default` stands in wherever a member has no entry or the provider says nothing, which after a failover is everybody.
A default that grants something grants it to all of them.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
    attributes:
      - name: role
        mapping: {primary: role}
        default: admin
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    healthCheck: {enabled: true}
  - name: ha
    type: continuity
    failover: {idps: [primary, backup]}
    attributes:
      - name: role
        mapping: {primary: role}
        default: user
```

How to fix: let the default be the least a person can have, or write `required: true` in its place: then nobody gets in without
a value."#;

/// Words that make a value, or an attribute that is true, a privilege.
const PRIVILEGES: &[&str] = &[
    "admin", "admins", "administrator", "administrators", "superadmin", "sysadmin", "root", "superuser",
    "owner", "owners", "operator", "operators", "privileged", "staff",
];

fn check(scene: &Scene<'_>, report: &mut Report) {
    for group in scene.groups() {
        for (i, rule) in group.attributes() {
            let Some(default) = &rule.default else { continue };
            if !is_privilege(&rule.name, default) {
                continue;
            }
            let words = format!(
                "everybody of whom no `{}` is known gets `{}`",
                rule.name,
                crate::model::attributes::text_of(default)
            );
            report.add(
                Diagnostic::new(&RULE.code, words)
                    .at(group.site.document().value(&format!("{}/attributes/{i}/default", group.continuity.pointer)))
                    .help("Write the least a person can have, or `required: true` in its place."),
            );
        }
    }
}

fn is_privilege(name: &str, default: &Value) -> bool {
    match default {
        Value::Bool(true) => has_privilege(name),
        Value::String(text) if text == "true" => has_privilege(name),
        Value::String(text) => has_privilege(text),
        _ => false,
    }
}

/// Whether one of the words of a text, divided by signs or capitals, is a privilege.
fn has_privilege(text: &str) -> bool {
    let mut spaced = String::with_capacity(text.len() + 4);
    let mut lower_before = false;
    for c in text.chars() {
        if c.is_uppercase() && lower_before {
            spaced.push(' ');
        }
        lower_before = c.is_lowercase();
        spaced.extend(c.to_lowercase());
    }
    spaced.split(|c: char| !c.is_alphanumeric()).any(|word| PRIVILEGES.contains(&word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn privileges() {
        for (name, default, want) in [
            ("role", json!("admin"), true),
            ("role", json!("Global Administrator"), true),
            ("groups", json!("domain-admins"), true),
            ("isAdmin", json!(true), true),
            ("is_admin", json!("true"), true),
            ("isAdmin", json!(false), false),
            ("role", json!("user"), false),
            ("role", json!("badminton"), false),
            ("emailVerified", json!(true), false),
        ] {
            assert_eq!(is_privilege(name, &default), want, "{name}: {default}");
        }
    }
}
