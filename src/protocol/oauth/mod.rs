//! OAuth 2.0 (RFC 6749 and its family).

pub mod error;
pub mod params;
pub mod pkce;
pub mod redirect_uri;
pub mod scope;

pub use error::OAuthError;
pub use params::Params;
