//! What the demo writes: the texts in `files/` with ports, keys and passwords filled in.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use maverics::ambient::Entropy;
use maverics::connector::local::hash;
use maverics::protocol::jose::sign::SigningKey;

use super::folder::Folder;

/// The orchestrator's configuration.
pub const ORCHESTRATOR: &str = "orchestrator.yaml";
/// The secret store of all three.
pub const SECRETS: &str = "secrets.yaml";

const TEXTS: &[(&str, &str)] = &[
    ("north.yaml", include_str!("files/north.yaml")),
    ("north-users.yaml", include_str!("files/north-users.yaml")),
    ("south.yaml", include_str!("files/south.yaml")),
    ("south-users.yaml", include_str!("files/south-users.yaml")),
    (ORCHESTRATOR, include_str!("files/orchestrator.yaml")),
    (SECRETS, include_str!("files/secrets.yaml")),
];

/// Letters of a password, none to be mistaken for another; twelve of them are 59 bits.
const LETTERS: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";

/// The ports of one run.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    /// The orchestrator.
    pub app: u16,
    /// Public port of the first provider.
    pub north: u16,
    /// Public port of the second.
    pub south: u16,
    /// The page behind the orchestrator.
    pub page: u16,
}

/// Somebody who can sign in, at both providers with the same password.
#[derive(Debug, Clone)]
pub struct Person {
    /// What to type first.
    pub username: &'static str,
    /// What to type second.
    pub password: String,
}

/// The people, each with a new password.
pub fn people(entropy: &Entropy) -> Vec<Person> {
    ["ada", "grace"].map(|username| Person { username, password: password(entropy) }).into()
}

/// Twelve letters in three groups.
fn password(entropy: &Entropy) -> String {
    let letter = || char::from(LETTERS[entropy.below(LETTERS.len() as u64) as usize]);
    let group = || (0..4).map(|_| letter()).collect::<String>();
    [group(), group(), group()].join("-")
}

/// Writes everything into the folder.
pub fn write(folder: &Folder, ports: Ports, people: &[Person], entropy: &Entropy) -> Result<()> {
    let mut facts = vec![
        ("FOLDER".to_owned(), quoted(folder.path())?),
        ("APP_PORT".to_owned(), ports.app.to_string()),
        ("NORTH_PORT".to_owned(), ports.north.to_string()),
        ("SOUTH_PORT".to_owned(), ports.south.to_string()),
        ("PAGE_PORT".to_owned(), ports.page.to_string()),
        ("NORTH_SECRET".to_owned(), entropy.token()),
        ("SOUTH_SECRET".to_owned(), entropy.token()),
    ];
    for provider in ["north", "south"] {
        folder.write(&format!("{provider}-key.pem"), &SigningKey::generate_rsa_pem())?;
        for person in people {
            let name = format!("{}_AT_{}", person.username, provider).to_uppercase();
            let hash = hash::password(&person.password, entropy).context("a password cannot be hashed")?;
            facts.push((name, hash));
        }
    }
    TEXTS.iter().try_for_each(|(name, text)| folder.write(name, &filled(text, &facts)))
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
    use super::*;

    #[test]
    fn every_place_is_filled() {
        let folder = Folder::temporary(&Entropy::system()).unwrap();
        let entropy = Entropy::counted(1);
        let people = people(&entropy);
        let ports = Ports { app: 9500, north: 9501, south: 9502, page: 9503 };
        write(&folder, ports, &people, &entropy).unwrap();
        for (name, _) in TEXTS {
            let text = std::fs::read_to_string(folder.path().join(name)).unwrap();
            assert!(text.starts_with("# maverics: demo\n"), "{name}");
            let holes: Vec<&str> =
                text.split('@').skip(1).step_by(2).filter(|w| w.ends_with("PORT")).collect();
            assert!(
                holes.is_empty() && !text.contains("_AT_") && !text.contains("@FOLDER@"),
                "{name}: {holes:?}"
            );
            assert!(people.iter().all(|p| !text.contains(&p.password)), "{name} has a password in clear");
        }
        assert_ne!(people[0].password, people[1].password);
        assert_eq!(people[0].password.len(), 14);
    }
}
