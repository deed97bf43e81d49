//! JSON Object Signing (RFC 7515 to 7519): keys, signatures, compact tokens.

pub mod key;
pub mod sign;
pub mod token;

pub use key::KeySet;
pub use sign::SigningKey;
