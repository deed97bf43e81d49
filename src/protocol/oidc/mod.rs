//! OpenID Connect Core and Discovery, from both sides.

pub mod claims;
pub mod discovery;
pub mod id_token;
pub mod id_token_hint;
pub mod logout_token;
pub mod request;

pub use discovery::ProviderMetadata;
pub use id_token::VerifiedIdToken;
pub use logout_token::VerifiedLogoutToken;
