//! Identity providers that do as they are told, in this process.

pub mod ldap;
pub mod oidc;
pub mod saml;

/// A runtime for a fake: it ends, with all connections, when it is dropped.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime for a fake")
}
