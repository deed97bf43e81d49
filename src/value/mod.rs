//! Small types with their parsers: what a duration, a URL, a name or a secret is, once.

pub mod duration;
pub mod limits;
pub mod name;
pub mod nonempty;
pub mod path;
pub mod secret;
pub mod secret_ref;
pub mod url;

/// Between the members of a list where a connector does not say otherwise.
pub const LIST_DELIMITER: &str = ",";

pub use duration::Duration;
pub use nonempty::NonEmpty;
pub use secret::Secret;
pub use secret_ref::{SecretRef, SecretText};
pub use url::WebUrl;
