//! Applications: what each mode answers once it is known who asks.

pub mod oidc;
pub mod proxy;
