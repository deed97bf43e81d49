//! Hygiene: a password where a reference belongs.

use serde_json::Value;

use crate::config::check::describe;
use crate::config::schema::{Walk, keyword};
use crate::config::yaml::{Document, child};
use crate::diag::source::Source;
use crate::diag::{Code, Diagnostic, Level};
use crate::lint::Scene;
use crate::lint::rule::{Report, Rule};
use crate::model::schema::checker;
use crate::value::SecretRef;

/// The line for the table.
pub static RULE: Rule = Rule {
    code: Code {
        id: "MV1501",
        name: "secret-written-inline",
        level: Level::Warn,
        summary: "a secret stands in the configuration file itself",
        page: PAGE,
    },
    tier: None,
    check,
};

const PAGE: &str = r#"A configuration is copied: into repositories, tickets, backups, and the terminal of whoever debugs it. A secret
written into it goes along, and replacing it means a new configuration on every node.

A reference names the secret instead: `<vault.primary-secret>`. The value is looked up when the server starts, in the
store that `--secret-provider` names, and nowhere before.

Fires on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthClientSecret: correct-horse-battery-staple
```

Stays quiet on:

```yaml
version: "1"
connectors:
  - name: primary
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthClientSecret: <vault.primary-secret>
  - name: backup
    type: oidc
    oidcWellKnownURL: https://corp.eu.auth0.com/.well-known/openid-configuration
    oauthClientID: orchestrator
    oauthClientSecret: "{{ env.BACKUP_SECRET }}"
```

How to fix: put the secret into the store, write `<name>` in its place, and replace the secret: it has been seen."#;

fn check(scene: &Scene<'_>, report: &mut Report) {
    let schema = checker().schema();
    for site in scene.sites() {
        let document = &site.deployment.document;
        let source = scene.sources.get(document.file);
        Search { document, source, walk: Walk::new(schema), report }.value(schema, &document.root, "");
    }
}

/// Walks the tree beside the schema, which knows where secrets stand.
struct Search<'a> {
    document: &'a Document,
    source: &'a Source,
    walk: Walk<'static>,
    report: &'a mut Report,
}

impl Search<'_> {
    fn value(&mut self, schema: &'static Value, value: &Value, pointer: &str) {
        let parts = self.walk.applicable(schema, value);
        match value {
            Value::Object(map) => {
                for (key, value) in map {
                    if let Some(property) = self.walk.property(&parts, key) {
                        self.value(property, value, &child(pointer, key));
                    }
                }
            }
            Value::Array(list) => {
                let Some(items) = self.walk.items(&parts) else { return };
                for (i, item) in list.iter().enumerate() {
                    self.value(items, item, &format!("{pointer}/{i}"));
                }
            }
            Value::String(text)
                if keyword(&parts, "x-maverics-secret").is_some()
                    && !self.comes_from_outside(pointer)
                    && is_secret(text, pointer) =>
            {
                let words = format!("{} is written into the file", describe(pointer));
                self.report.add(
                    Diagnostic::new(&RULE.code, words)
                        .at(self.document.value(pointer))
                        .help("Put it into the secret store, and write its name here: `<name>`."),
                );
            }
            _ => {}
        }
    }

    /// A variable has been filled in, or replaced, before the tree gets here; the file still shows it.
    fn comes_from_outside(&self, pointer: &str) -> bool {
        self.source.text.get(self.document.value(pointer).span).is_some_and(|written| written.contains("{{"))
    }
}

/// Whether a text in a secret's place is one: not a reference, not a public key, not an audience (which may be
/// kept in the store, and is none), and not a header such as `Accept`, which may stand beside one that is.
fn is_secret(text: &str, pointer: &str) -> bool {
    let harmless = text.trim().is_empty()
        || SecretRef::parse(text).is_some()
        || ["-----BEGIN PUBLIC KEY", "-----BEGIN CERTIFICATE"]
            .iter()
            .any(|start| text.trim_start().starts_with(start));
    let mut segments = pointer.rsplit('/');
    let (key, above) = (segments.next().unwrap_or_default().to_ascii_lowercase(), segments.next());
    let telling = ["auth", "token", "secret", "key", "cookie", "password"];
    let plain_header = above == Some("headers") && !telling.iter().any(|word| key.contains(word));
    // A path, where one may stand instead of the text of the file.
    let path = key.ends_with("path") && !text.contains("PRIVATE KEY");
    let audience = [Some("allowedAudiences"), Some("audience")].contains(&above) || key == "audience";
    !harmless && !plain_header && !path && !audience
}
