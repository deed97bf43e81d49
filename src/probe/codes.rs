//! What probing can say as findings, for reports that other programs read.

use crate::config::codes::codes;
use crate::diag::{Code, Level};

codes! {
    /// an identity provider is not well
    PROVIDER_UNWELL = "MV3001", "provider-unwell", Error,
        "`maverics probe` asked the provider what `serve` asks it, and the answer is not the one of a provider that can sign people in. The finding has the reason code that the log of `serve` has as well.\n\nLook at the address that was asked; `maverics probe --connector NAME` shows how long each part took.";
    /// nobody would serve a sign-in now
    NOBODY_SERVES = "MV3002", "nobody-would-serve", Error,
        "No provider that may sign people in here is well: an outage. The exit code of `probe` is 4 when it concerns an app.\n\nBring one of the named providers back, or add one that fails for other reasons.";
    /// a certificate of a provider expires soon
    CERTIFICATE_EXPIRES = "MV3003", "certificate-expires-soon", Warn,
        "The provider's certificate, or one between it and its root, is about to expire. From that day on no sign-in there works.\n\nTell whoever runs the provider.";
    /// the provider's clock differs from ours
    CLOCK_SKEWED = "MV3004", "provider-clock-skewed", Warn,
        "The `Date` header of the provider differs from the clock of this machine by more than 30 s. Tokens are refused as expired, or as from the future, from a difference of 60 s on.\n\nCheck the time service of both machines.";
}
