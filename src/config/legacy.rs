//! Keys of the first generation: recognised so that the finding can name the successor. Nothing reads them.

use serde_json::Value;

/// What replaces `key` at `at` (a JSON pointer to the map that has it), if it is one of them.
pub fn successor(root: &Value, at: &str, key: &str) -> Option<&'static str> {
    let in_list = |list: &str| {
        at.strip_prefix(list)
            .and_then(|rest| rest.strip_prefix('/'))
            .is_some_and(|i| i.parse::<usize>().is_ok())
    };
    if at.is_empty() {
        return match key {
            "listenAddress" => Some("Use `http.address` and `http.tls`."),
            "appgateways" => Some(
                "Use `apps` with `type: proxy`: `host` and `basePath` become `routePatterns`, `resource` becomes \
                 `location`, `allowAnyAuthenticated` becomes `authorization.allowAll`, `allowIfAny` becomes `rules`, \
                 and the `headers` map becomes a list with `{{ }}` templates.",
            ),
            "authProvider" | "authProviders" | "authproviders" => Some(
                "Use `oidcProvider` or `samlProvider`; its `clients` become `apps`, `redirects` becomes \
                 `redirectURLs`, `publicClient` becomes `public`.",
            ),
            "attrproviders" => Some("Use `ldapProvider`."),
            "workflows" => Some("Use `apps`."),
            _ => None,
        };
    }
    if at == "/session" {
        return match key {
            "cookieDomain" => Some("Use `session.cookie.domain`."),
            "maxLifetimeSeconds" => Some("Use `session.lifetime.maxTimeout`, a duration such as `12h`."),
            _ => None,
        };
    }
    if in_list("/connectors") {
        let is_ldap = root
            .pointer(&format!("{at}/type"))
            .and_then(Value::as_str)
            .is_some_and(|t| matches!(t, "ldap" | "activedirectory"));
        return match key {
            "samlRedirectURL" | "jwtSigningKey" | "userAttributes" | "domain" | "connection"
            | "errorPage" => Some("Nothing replaces it; remove it."),
            "attributeMapping" if !is_ldap => Some("Nothing replaces it; remove it."),
            _ => None,
        };
    }
    if in_list("/apps") && key == "errorPage" {
        return Some("Use `unauthorizedPage`.");
    }
    None
}
