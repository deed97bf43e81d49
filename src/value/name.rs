//! Names that other entries refer to. Distinct types, so that a cache name cannot be taken for a connector's.

use std::fmt;

/// Characters a connector name may have. Dots are out because `name.attribute` splits at the first dot.
pub const CONNECTOR_NAME_PATTERN: &str = "^[A-Za-z0-9_][A-Za-z0-9_-]*$";

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub String);

        impl $name {
            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

names! {
    /// The name of a connector.
    ConnectorName,
    /// The name of an app.
    AppName,
    /// The name of a TLS profile.
    TlsName,
}
