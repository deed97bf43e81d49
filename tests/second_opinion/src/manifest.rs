//! What the tests of the main package wrote: `tests/saml/attacks/others.rs`.

use std::path::Path;

use serde::Deserialize;

/// How far the system's clock may be from the manifest's instant, in seconds.
const CLOCK_SECS_MAX: u64 = 60;

/// What the service knows, and the documents.
#[derive(Debug, Deserialize)]
pub struct Manifest {
    /// When the documents are judged, in seconds since 1970.
    pub now: i64,
    /// The service.
    pub entity_id: String,
    pub acs: String,
    pub request_id: String,
    /// The provider: its name, and where it receives requests.
    pub issuer: String,
    pub sso: String,
    /// Difference of clocks allowed, and age of a message with it, in seconds.
    pub skew_secs: i64,
    pub age_secs: i64,
    /// Metadata of the provider, once with each of its keys.
    pub providers: Vec<String>,
    /// The service's, in PEM.
    pub decryption_key: String,
    pub documents: Vec<Document>,
}

/// A document with our verdict.
#[derive(Debug, Deserialize)]
pub struct Document {
    pub name: String,
    /// The name of the document that it was made from; its own when it is that.
    pub base: String,
    pub file: String,
    pub accepted: Option<Person>,
    /// The code of our refusal.
    pub refused: Option<String>,
}

/// Who signed in, as one of both reads it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Person {
    pub name_id: Option<String>,
    pub attributes: Vec<Attribute>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Attribute {
    pub name: String,
    pub values: Vec<Option<String>>,
}

impl Manifest {
    pub fn read(folder: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(folder.join("manifest.json"));
        let text = text.map_err(|error| format!("the manifest: {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("the manifest: {error}"))
    }

    /// samael asks the system what time it is, and so does this.
    pub fn is_now(&self) -> Result<(), String> {
        let now = chrono::Utc::now().timestamp();
        match now.abs_diff(self.now) <= CLOCK_SECS_MAX {
            true => Ok(()),
            false => Err(format!("the clock says {now}, and the documents are judged at {}", self.now)),
        }
    }
}

impl Person {
    /// The first thing that another reads otherwise, as that one does.
    pub fn differs(&self, other: &Person) -> Option<String> {
        if self.name_id != other.name_id {
            return Some(
                other.name_id.as_ref().map_or("no name".to_owned(), |name| format!("the name {name:?}")),
            );
        }
        if self.attributes.len() != other.attributes.len() {
            return Some(format!("{} attributes", other.attributes.len()));
        }
        let mut both = self.attributes.iter().zip(&other.attributes);
        let (_, Attribute { name, values }) = both.find(|(ours, other)| ours != other)?;
        Some(format!("the attribute {name:?} as {values:?}"))
    }
}
