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
    /// the metadata of a SAML provider ends soon
    METADATA_EXPIRES = "MV3005", "metadata-expires-soon", Warn,
        "The metadata of a SAML provider says itself until when it may be used (`validUntil`), and that is near. From then on every sign-in there is refused. Providers that publish such metadata renew it long before; that this one did not is a sign that whatever renews it has stopped.\n\nTell whoever runs the provider.";
    /// the signing certificate of a SAML provider ends soon
    SIGNING_CERTIFICATE_EXPIRES = "MV3006", "signing-certificate-expires-soon", Info,
        "The last of the certificates that a SAML provider signs with is about to end, or has ended. Its key goes on verifying, so nothing fails on that day by itself; it is the day by which the provider will change its key. Metadata read from its address follows; a file does not.\n\nAsk whoever runs the provider when the key changes, and name the address of the metadata in `samlMetadataURL`.";
    /// a server of a directory does not answer
    SERVER_DOWN = "MV3007", "directory-server-down", Warn,
        "One of several servers of a directory does not answer. Sign-ins go on with the others, and the connector is well; when the last of them goes, it is not.\n\nLook at the server that is named; the word in brackets is the reason code.";
}
