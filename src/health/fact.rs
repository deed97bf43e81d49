//! Names of the facts in a [`Verdict`](super::Verdict): what `probe` and the operator page read. Which kind gives
//! which, and how the value is written, is said there.

macro_rules! facts {
    ($($name:ident = $word:literal),* $(,)?) => { $(
        #[doc = concat!("`", $word, "`.")]
        pub const $name: &str = $word;
    )* };
}

facts! {
    ISSUER = "issuer",
    USABLE_KEYS = "usableKeys",
    KEY_IDS = "keyIds",
    KEY_ALGORITHMS = "keyAlgorithms",
    CLOCK_SKEW_SECS = "clockSkewSecs",
    RATE_LIMITED = "rateLimited",
    AUTHORIZATION_STATUS = "authorizationStatus",
    METADATA_VALID_UNTIL = "metadataValidUntil",
    SIGNING_CERTIFICATE_UNTIL = "signingCertificateUntil",
    SIGN_ON_BINDINGS = "signOnBindings",
    SERVERS = "servers",
    SERVERS_DOWN = "serversDown",
    START_TLS = "startTls",
    PEOPLE = "people",
}
