//! What linking can say.

use crate::config::codes::codes;
use crate::diag::{Code, Level};

codes! {
    /// a name that no entry has
    UNKNOWN_NAME = "MV0201", "unknown-name", Error,
        "An entry refers to another by a name that does not exist. Names are compared exactly.\n\nCorrect the spelling, or add the entry.";
    /// two entries with one name
    DUPLICATE_NAME = "MV0202", "duplicate-name", Error,
        "References go by name, so each must be unique among its kind.\n\nRename one of the two and what refers to it.";
    /// a continuity connector that cannot be
    BAD_CONTINUITY = "MV0203", "bad-continuity", Error,
        "Members of a continuity connector are providers that sign people in: not continuity connectors (detection times would not be computable), not `oauth` connectors (they give no identity), and none twice.\n\nList each provider once, in the order in which it should be tried.";
    /// a claim path that leads nowhere
    BAD_CLAIM_PATH = "MV0204", "bad-claim-path", Error,
        "A claim path is `connector.attribute`, where the connector is one the app signs in with: an entry of its `idps`, or a member of a continuity connector there. Once a continuity connector has an `attributes` block, only those names exist under it.\n\nCorrect the path, or add the attribute.";
    /// an app needs what is not there
    MISSING_PART = "MV0205", "missing-part", Error,
        "The entry is complete in itself, and yet cannot work: a client needs the OpenID provider, the provider needs an issuer and a signing key, a sign-in needs a callback.\n\nAdd what the finding names.";
    /// an address or pattern claimed twice
    ROUTE_CONFLICT = "MV0206", "route-conflict", Error,
        "Two endpoints answer one path on one host, or two apps claim the same pattern. Which would win would be a guess.\n\nChange one of them.";
    /// two settings that contradict each other
    CONTRADICTION = "MV0207", "contradiction", Error,
        "Both settings are fine by themselves and not together.\n\nThe finding says which to keep.";
    /// a client that can never be answered
    CLIENT_WITHOUT_REDIRECT = "MV0208", "client-without-redirect", Warn,
        "A code client needs at least one registered redirect URL; requests are matched against it exactly, so without one every request is refused.\n\nAdd `redirectURLs`.";
    /// a timeout above its interval
    TIMEOUT_CLAMPED = "MV0209", "timeout-above-interval", Warn,
        "Probes never overlap, so a timeout above the interval is clamped to it.\n\nMake `timeout` smaller than `interval`.";
    /// a feature flag nobody reads
    UNKNOWN_FEATURE = "MV0211", "unknown-feature", Info,
        "The flag has no effect.\n\nRemove it, or correct its spelling.";
}
