//! What reading a configuration can say.

use crate::diag::{Code, Level};

macro_rules! codes {
    ($($(#[doc = $summary:literal])* $ident:ident = $id:literal, $name:literal, $level:ident, $page:literal;)*) => {
        $($(#[doc = $summary])*
        pub static $ident: Code = Code {
            id: $id, name: $name, level: Level::$level, summary: concat!($($summary),*).trim_ascii(), page: $page,
        };)*
        /// All of them, in the order of their numbers.
        pub static ALL: &[&Code] = &[$(&$ident),*];
    };
}
pub(crate) use codes;

codes! {
    /// the text is not YAML we read
    SYNTAX = "MV0001", "not-yaml", Error,
        "A configuration is one YAML 1.2 document (or JSON) in UTF-8. Tabs do not indent, tags are not understood, and keys are plain text.\n\nPut right the place the caret points at; the parser stops at the first such fault.";
    /// a limit on size, depth or nodes is exceeded
    LIMIT = "MV0002", "too-large", Error,
        "A configuration has at most 4 MiB, 64 levels and 250,000 nodes after aliases are expanded. The limits keep a hostile or broken file from exhausting the machine that checks it.\n\nSplit the file, or remove the alias that multiplies itself.";
    /// a key is written twice in one map
    DUPLICATE_KEY = "MV0003", "duplicate-key", Error,
        "YAML forbids it, and readers that accept it disagree about which one counts. The first is used for the rest of the check.\n\nKeep one.";
    /// a key that the language does not have
    UNKNOWN_KEY = "MV0101", "unknown-key", Error,
        "Keys are case-sensitive, and a key nobody reads is a setting that silently does nothing.\n\nCorrect the spelling (the finding offers the nearest key), or remove it. `maverics schema` prints all keys; editors that use it complete them.";
    /// a key that must be there is absent
    MISSING_KEY = "MV0102", "missing-key", Error,
        "Without this key the entry has no meaning we could guess safely.\n\nAdd it.";
    /// a value of the wrong type
    WRONG_TYPE = "MV0103", "wrong-type", Error,
        "A list stands where one value belongs, a text where a map belongs, and so on. Texts that are numbers (`\"9443\"`) are taken as numbers, and `\"true\"` as true; `yes` and `on` are texts in YAML 1.2.\n\nWrite the value in the type the finding names.";
    /// a value outside what the key accepts
    BAD_VALUE = "MV0104", "bad-value", Error,
        "The value has the right type and is not one of the accepted ones: an unknown choice, a number out of range, a duration without unit, a URL that is not absolute.\n\nThe finding says what is accepted.";
    /// an environment or secret reference that is malformed
    BAD_REFERENCE = "MV0105", "bad-reference", Error,
        "`{{ env.NAME }}` takes a NAME of letters, digits and `_`. A secret reference is a whole value, `<name>`. `{{ name.attribute }}` is allowed only in header values and rule operands.\n\nCorrect the form.";
    /// a reference that could not be filled in
    UNRESOLVED = "MV0106", "unresolved-reference", Error,
        "The variable is not set, or the secret store does not have the name. `validate` checks this only with `--resolve`; `serve` always does.\n\nSet the variable, add the secret, or give `--secret-provider`.";
    /// angle brackets inside longer text are not a reference
    BRACKETS_IN_TEXT = "MV0107", "brackets-in-text", Warn,
        "Only a value that is nothing but `<name>` is a secret reference. Inside longer text the brackets are plain text, which is rarely meant.\n\nMake the whole value the secret, or ignore this if the text is meant.";
    /// a documented key that this program does not run yet
    UNSUPPORTED_HERE = "MV0110", "unsupported-here", Error,
        "The original product documents this key, and maverics knows it, but does not run it yet. `serve` refuses to start rather than ignore it.\n\nThe finding says what to use instead, where something does the same.";
    /// a key of the first-generation configuration
    FIRST_GENERATION = "MV0111", "first-generation-key", Error,
        "The first generation of the product had other keys. Nothing reads them now.\n\nThe finding names the successor.";
    /// a key of ours
    EXTENSION = "MV0112", "extension-key", Info,
        "This key is an extension of maverics: the original product does not have it. Shown by `validate --show-extensions` for those who keep one file for both.";
    /// two spellings of one setting
    ALIAS_CONFLICT = "MV0113", "two-spellings", Error,
        "Both the canonical key and its other spelling are present, and which should win would be a guess.\n\nKeep one.";
    /// the configuration carries no version label
    NO_VERSION = "MV0114", "no-version", Info,
        "`version` is a label of this configuration. With one, heartbeats, logs and `drill` reports say which file was running.\n\nAdd `version: \"1\"` at the top.";
    /// plain http where only https is safe
    PLAIN_HTTP = "MV0115", "plain-http", Error,
        "Codes, tokens and passwords would travel readable, and an answer could be forged on the way. Plain http is accepted for loopback addresses, `localhost`, `*.localhost` and `*.test`; the peer must then really be on loopback.\n\nUse https. For a laboratory, `--allow-insecure-http URL` names the exception on the command line.";
    /// a block that does nothing while its feature flag is off
    IGNORED_WITHOUT_FLAG = "MV0116", "ignored-without-flag", Warn,
        "Clusters are an experiment of the original product, behind the flag `experimental.clusters`. While it is off the block is ignored, there as here.\n\nRemove the block; sticky sessions (`maverics lb-gen`) and a shared cache do what it would.";
    /// passwords of people travel readable to a directory
    PLAIN_LDAP = "MV0119", "plain-ldap", Warn,
        "`ldap://` without TLS sends the password of everybody who signs in, and that of the service account, readable over the network; whoever can change the traffic can also answer for the directory.\n\nUse `ldaps://`, or keep `ldap://` and name a TLS profile with `tls`: the connection is then raised to TLS (StartTLS) before anything is sent, and not used when that fails. On loopback nothing is said.";
}

/// The finding for a URL that may not be plain http.
pub fn plain_http(url: &crate::value::WebUrl) -> crate::diag::Diagnostic {
    crate::diag::Diagnostic::new(&PLAIN_HTTP, format!("`{url}` is plain http")).help(format!(
        "Use https, or allow exactly this with `--allow-insecure-http {}://{}`.",
        url.url().scheme(),
        url.authority()
    ))
}
