//! Changes that leave a configuration legal, each with the reason.

use super::mutants::{Mutant, Op};

/// A legal change.
pub struct Legal {
    pub op: Op,
    /// In which block; `*` is every one that has the key.
    pub block: &'static str,
    /// Which key; `*` is any one segment.
    pub pointer: &'static str,
    pub why: &'static str,
}

impl Legal {
    pub fn covers(&self, block: &str, mutant: &Mutant) -> bool {
        let (want, have) = (self.pointer.split('/'), mutant.original.split('/'));
        self.op == mutant.op
            && ["*", block].contains(&self.block)
            && want.clone().count() == have.clone().count()
            && want.zip(have).all(|(want, have)| want == "*" || want == have)
    }
}

const fn legal(op: Op, block: &'static str, pointer: &'static str, why: &'static str) -> Legal {
    Legal { op, block, pointer, why }
}

pub const LEGAL: &[Legal] = &[
    legal(Op::Delete, "*", "/connectors/*/oauthClientSecret", "a public client has none"),
    legal(Op::Delete, "*", "/connectors/*/scopes", "`openid profile email` without it"),
    legal(Op::Delete, "*", "/connectors/*/strategy", "`failover` without it"),
    legal(Op::Delete, "*", "/connectors/*/samlEntityID", "derived from the consumer service"),
    legal(Op::Delete, "*", "/connectors/*/healthCheck", "off without it"),
    legal(Op::Delete, "*", "/connectors/*/healthCheck/enabled", "off without it"),
    legal(Op::Delete, "*", "/connectors/*/healthCheck/interval", "30s without it"),
    legal(Op::Delete, "*", "/connectors/*/healthCheck/timeout", "30s without it"),
    legal(Op::Delete, "*", "/connectors/*/healthCheck/unhealthyThreshold", "2 without it"),
    legal(Op::Delete, "*", "/connectors/*/healthCheck/healthyThreshold", "2 without it"),
    legal(
        Op::Delete,
        "*",
        "/connectors/*/healthCheck/customEndpoint",
        "the provider itself is asked without it",
    ),
    legal(Op::Delete, "*", "/connectors/*/healthCheck/customEndpoint/type", "`http` without it"),
    legal(
        Op::Delete,
        "*",
        "/connectors/*/healthCheck/customEndpoint/responseMatcher",
        "status 200 without it",
    ),
    legal(
        Op::Delete,
        "*",
        "/connectors/*/healthCheck/customEndpoint/responseMatcher/expectedStatuses",
        "200 without it",
    ),
    legal(
        Op::Delete,
        "*",
        "/connectors/*/healthCheck/customEndpoint/responseMatcher/body",
        "any body without it",
    ),
    legal(Op::Delete, "*", "/connectors/*/attributes", "the members' own names pass without it"),
    legal(Op::Delete, "*", "/connectors/*/attributes/*/default", "the attribute is absent without it"),
    legal(Op::Delete, "*", "/connectors/*/attributes/*/mapping/*", "a member may lack an attribute"),
    legal(Op::Delete, "*", "/apps/*/clientSecret", "a public client has none"),
    legal(Op::Delete, "*", "/apps/*/claimsMapping", "no claims beyond the standard ones"),
    legal(Op::Delete, "*", "/apps/*/claimsMapping/*", "one claim less"),
    legal(Op::Swap, "*", "/apps/*/claimsMapping/*", "the names of claims are free"),
    legal(Op::Drop, "*", "/apps/*/claimsMapping/*", "the names of claims are free"),
    legal(Op::Delete, "*", "/apps", "nothing to serve is legal"),
    legal(Op::Delete, "*", "/oidcProvider/cache", "`local_default` without it"),
    legal(Op::Delete, "*", "/oidcProvider/jwks/*/name", "a label"),
    legal(Op::Delete, "*", "/oidcProvider/jwks/*/type", "that of the key"),
    legal(Op::Delete, "*", "/samlProvider/cache", "`local_default` without it"),
    legal(Op::Delete, "*", "/samlProvider", "the mode is off without it"),
    legal(Op::Delete, "*", "/caches/*/redis/password", "a server without ACL has none"),
    legal(Op::Delete, "*", "/caches/*/redis/tls", "a plain connection without it"),
    legal(Op::Delete, "*", "/session", "every default is usable"),
    legal(Op::Delete, "*", "/session/cookie", "every default is usable"),
    legal(Op::Delete, "*", "/session/cookie/name", "`maverics_session` without it"),
    legal(Op::Delete, "*", "/session/cookie/domain", "this host only without it"),
    legal(Op::Delete, "*", "/session/lifetime", "every default is usable"),
    legal(Op::Delete, "*", "/session/lifetime/maxTimeout", "12h without it"),
    legal(Op::Delete, "*", "/session/lifetime/idleTimeout", "off without it"),
    legal(Op::Delete, "*", "/session/store", "every default is usable"),
    legal(Op::Delete, "*", "/session/store/type", "`local` without it"),
    legal(Op::Delete, "*", "/session/store/local", "every default is usable"),
    legal(Op::Delete, "*", "/session/store/local/capacity", "50000 without it"),
    legal(Op::Delete, "caches-redis", "/oidcProvider", "no app needs it"),
    legal(Op::ToList, "caches-redis", "/samlProvider", "a list with one provider is the second spelling"),
    legal(Op::ToList, "tier2-diversified", "/connectors/*/url", "one address or a list"),
    legal(Op::Delete, "tier1-basic", "/connectors", "no app signs in with one"),
    legal(Op::Delete, "tier2-diversified", "/connectors", "no app signs in with one"),
    legal(Op::Delete, "tier4-tactical", "/connectors", "no app signs in with one"),
    legal(Op::Delete, "custom-health-check", "/connectors", "no app signs in with one"),
    legal(Op::Delete, "tier1-basic", "/connectors/*/oauthRedirectURL", "needed only where an app signs in"),
    legal(
        Op::Delete,
        "tier2-diversified",
        "/connectors/*/oauthRedirectURL",
        "needed only where an app signs in",
    ),
    legal(
        Op::Delete,
        "tier4-tactical",
        "/connectors/*/oauthRedirectURL",
        "needed only where an app signs in",
    ),
];
