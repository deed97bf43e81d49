//! What the demo writes: the texts in `files/` with ports, keys and passwords filled in.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use maverics::ambient::Entropy;
use maverics::connector::local::hash;
use maverics::protocol::jose::sign::SigningKey;
use subtle::ConstantTimeEq;

use super::cast::{Kind, Role};
use super::folder::Folder;

/// The orchestrator's configuration.
pub const ORCHESTRATOR: &str = "orchestrator.yaml";
/// The secret store of all of them.
pub const SECRETS: &str = "secrets.yaml";

const NORTH: &[(&str, &str)] = &[
    ("north.yaml", include_str!("files/north.yaml")),
    ("north-users.yaml", include_str!("files/north-users.yaml")),
];
const BASIC: &[(&str, &str)] = &[
    ("south.yaml", include_str!("files/south.yaml")),
    ("south-users.yaml", include_str!("files/south-users.yaml")),
    (ORCHESTRATOR, include_str!("files/orchestrator.yaml")),
    (SECRETS, include_str!("files/secrets.yaml")),
];
const DIVERSIFIED: &[(&str, &str)] = &[
    (ORCHESTRATOR, include_str!("files/diversified.yaml")),
    (SECRETS, include_str!("files/diversified-secrets.yaml")),
];

/// The files of a tier.
fn texts(tier: u8) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    NORTH.iter().chain(if tier == 2 { DIVERSIFIED } else { BASIC })
}

/// Letters of a password, none to be mistaken for another; twelve of them are 59 bits.
const LETTERS: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";

/// The ports of one run.
#[derive(Debug, Clone)]
pub struct Ports {
    /// The orchestrator.
    pub app: u16,
    /// The page behind the orchestrator.
    pub page: u16,
    /// Public ports of the providers, in the orchestrator's order.
    pub providers: Vec<(Role, u16)>,
}

/// Somebody who can sign in, at every provider with the same password.
#[derive(Debug, Clone)]
pub struct Person {
    /// What to type first.
    pub username: &'static str,
    /// What to type second.
    pub password: String,
    /// The whole name.
    pub name: &'static str,
    /// Address.
    pub email: &'static str,
    /// Groups, in the orchestrator's words.
    pub groups: &'static [&'static str],
}

/// The people, each with a new password. What they are called here is what the files say.
pub fn people(entropy: &Entropy) -> Vec<Person> {
    let person =
        |username, name, email, groups| Person { username, password: password(entropy), name, email, groups };
    vec![
        person("ada", "Ada Lovelace", "ada@example.com", &["staff", "admins"]),
        person("grace", "Grace Hopper", "grace@example.com", &["staff"]),
    ]
}

/// The person with this name and password. Whether it is the name or the password that is wrong takes as long.
pub fn find<'p>(people: &'p [Person], username: &str, password: &str) -> Option<&'p Person> {
    let is_right = |person: &&Person| {
        let name = person.username.as_bytes().ct_eq(username.as_bytes());
        bool::from(name & person.password.as_bytes().ct_eq(password.as_bytes()))
    };
    people.iter().fold(None, |found, person| Some(person).filter(is_right).or(found))
}

/// Twelve letters in three groups.
fn password(entropy: &Entropy) -> String {
    let letter = || char::from(LETTERS[entropy.below(LETTERS.len() as u64) as usize]);
    let group = || (0..4).map(|_| letter()).collect::<String>();
    [group(), group(), group()].join("-")
}

/// What the orchestrator shows to each provider to be known there, by the provider's name.
pub type Secrets = Vec<(&'static str, String)>;

/// Writes everything into the folder.
pub fn write(
    folder: &Folder,
    tier: u8,
    ports: &Ports,
    people: &[Person],
    entropy: &Entropy,
) -> Result<Secrets> {
    let mut facts = vec![
        ("FOLDER".to_owned(), quoted(folder.path())?),
        ("APP_PORT".to_owned(), ports.app.to_string()),
        ("PAGE_PORT".to_owned(), ports.page.to_string()),
    ];
    let mut secrets = Secrets::new();
    for (role, port) in &ports.providers {
        let name = role.name.to_uppercase();
        let secret = entropy.token();
        facts.push((format!("{name}_PORT"), port.to_string()));
        facts.push((format!("{name}_SECRET"), secret.clone()));
        secrets.push((role.name, secret));
        if role.kind != Kind::Maverics {
            continue;
        }
        folder.write(&format!("{}-key.pem", role.name), &SigningKey::generate_rsa_pem())?;
        for person in people {
            let name = format!("{}_AT_{name}", person.username.to_uppercase());
            let hash = hash::password(&person.password, entropy).context("a password cannot be hashed")?;
            facts.push((name, hash));
        }
    }
    texts(tier).try_for_each(|(name, text)| folder.write(name, &filled(text, &facts)))?;
    Ok(secrets)
}

fn filled(text: &str, facts: &[(String, String)]) -> String {
    facts.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("@{name}@"), value))
}

/// A path inside single quotes.
fn quoted(path: &Path) -> Result<String> {
    let text = path.to_str().ok_or_else(|| anyhow!("{} is not UTF-8", path.display()))?;
    Ok(text.replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::super::cast;
    use super::*;

    #[test]
    fn every_place_is_filled() {
        let entropy = Entropy::counted(1);
        let people = people(&entropy);
        for tier in [1, 2] {
            let folder = Folder::temporary(&Entropy::system()).unwrap();
            let providers = cast::of_tier(tier).iter().copied().zip(9501..).collect();
            let ports = Ports { app: 9500, page: 9510, providers };
            let secrets = write(&folder, tier, &ports, &people, &entropy).unwrap();
            assert_eq!(secrets.len(), ports.providers.len());
            for (name, _) in texts(tier) {
                let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
                assert!(text.starts_with("# maverics: demo\n"), "{name}");
                let is_hole = |word: &&str| word.ends_with("_PORT") || word.ends_with("_SECRET");
                let holes: Vec<&str> = text.split('@').filter(is_hole).collect();
                assert!(
                    holes.is_empty() && !text.contains("_AT_") && !text.contains("@FOLDER@"),
                    "{name}: {holes:?}"
                );
                assert!(people.iter().all(|p| !text.contains(&p.password)), "{name} has a password in clear");
            }
        }
        assert_ne!(people[0].password, people[1].password);
        assert_eq!(people[0].password.len(), 14);
        let found = |name: &str, password: &str| find(&people, name, password).map(|person| person.username);
        assert_eq!(found("ada", &people[0].password), Some("ada"));
        assert_eq!((found("ada", &people[1].password), found("", "")), (None, None));
    }
}
