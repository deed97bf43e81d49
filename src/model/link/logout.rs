//! Where people end their session: `singleLogout`, and `logout` of a proxied app.

use super::Linking;
use crate::config::codes as form;
use crate::config::logout::{AppLogout, SingleLogout};
use crate::config::section::UrlOrPath;
use crate::config::yaml::child;
use crate::connector::CallbackAddress;
use crate::model::app::Logout;
use crate::value::{WebUrl, path};

/// The single logout, if there is one.
pub(super) fn single(linking: &mut Linking<'_>) -> Option<Logout> {
    let written: SingleLogout = linking.present("singleLogout")?;
    let after = written.post_logout.and_then(|post| post.redirect_url).or(written.post_logout_redirect_url);
    logout(linking, "/singleLogout/logoutURL", &written.logout_url, after)
}

/// The logout of a proxied app, if it has one.
pub(super) fn of_app(linking: &mut Linking<'_>, app: &str, written: &AppLogout) -> Option<Logout> {
    let at = child(app, "logout");
    let after = written.post_logout.as_ref().and_then(|post| post.redirect_url.clone());
    match &written.logout_url {
        Some(url) => logout(linking, &child(&at, "logoutURL"), url, after),
        None => {
            linking.at_key(&form::MISSING_KEY, &at, "`logout` has no `logoutURL`").help =
                Some("Add `logoutURL`: the address at which the application signs people out.".into());
            None
        }
    }
}

fn logout(linking: &mut Linking<'_>, at: &str, written: &UrlOrPath, after: Option<WebUrl>) -> Option<Logout> {
    let text = written.0.as_str();
    let (address, asked) = if text.starts_with('/') {
        (CallbackAddress::Path(text.to_owned()), text.to_owned())
    } else {
        match WebUrl::parse(text) {
            Ok(url) if linking.plain.permits(&url) => {
                let asked = url.path().to_owned();
                (CallbackAddress::Url(url), asked)
            }
            Ok(url) => {
                let place = linking.document.value(at);
                linking.push(form::plain_http(&url).at(place));
                return None;
            }
            Err(words) => {
                linking.at_value(&form::BAD_VALUE, at, words);
                return None;
            }
        }
    };
    // Requests are found by their canonical path: another spelling would never be visited.
    if path::canonical(&asked).as_deref() != Ok(asked.as_str()) {
        let words = format!("`{asked}` is not how paths are written when they are looked up");
        linking.at_value(&form::BAD_VALUE, at, words).help = match path::canonical(&asked) {
            Ok(canonical) => Some(format!("Write `{canonical}`.")),
            Err(fault) => Some(format!("{fault}.")),
        };
        return None;
    }
    Some(Logout { at: address, after, pointer: at.to_owned() })
}

#[cfg(test)]
mod tests {
    use crate::diag::Sources;
    use crate::model::read::{ReadOptions, read};

    /// Codes of what is found in a file with one provider, one relying party and one page; each argument is more
    /// of one of them.
    fn found(connector: &str, party: &str, page: &str, top: &str) -> Vec<&'static str> {
        let text = format!(
            "version: 1
connectors:
  - name: people
    type: oidc
    oidcWellKnownURL: https://idp.example.com/.well-known/openid-configuration
    oauthClientID: a
    oauthRedirectURL: https://us.example.com/callback
{connector}
oidcProvider: {{discovery: {{issuer: https://us.example.com}}, jwks: [{{file: a.pem}}]}}
apps:
  - name: party
    type: oidc
    clientID: b
    redirectURLs: [https://b.example.com/cb]
    authentication: {{idps: [people]}}
{party}
  - name: page
    type: proxy
    routePatterns: [/page]
    upstream: https://page.internal
    policies: [{{location: /, authentication: {{idps: [people]}}, authorization: {{allowAll: true}}}}]
{page}
{top}
"
        );
        let reading = read("a.yaml", &text, &mut Sources::default(), &ReadOptions::default());
        reading.findings.iter().map(|finding| finding.code.name).collect()
    }

    #[test]
    fn addresses_that_cannot_be_used() {
        for (connector, party, page, top, want) in [
            ("", "", "", "", None),
            ("", "", "", "singleLogout: {logoutURL: /logout}", None),
            ("", "", "", "singleLogout: {logoutURL: 'http://us.example.com/logout'}", Some("plain-http")),
            ("", "", "", "singleLogout: {logoutURL: /a//logout}", Some("bad-value")),
            ("", "", "", "singleLogout: {logoutURL: /status}", Some("route-conflict")),
            ("", "", "", "singleLogout: {logoutURL: /oauth2/logout}", Some("route-conflict")),
            ("", "", "", "singleLogout: {logoutURL: /callback}", Some("route-conflict")),
            ("", "", "    logout: {}", "", Some("missing-key")),
            (
                "",
                "",
                "    logout: {logoutURL: /logout}",
                "singleLogout: {logoutURL: /logout}",
                Some("route-conflict"),
            ),
            (
                "",
                "",
                "    logout: {logoutURL: 'https://page.example.com/logout'}",
                "singleLogout: {logoutURL: /logout}",
                None,
            ),
            ("    oidcLogoutCallbackURL: https://us.example.com/back", "", "", "", None),
            (
                "    oidcLogoutCallbackURL: https://us.example.com/callback",
                "",
                "",
                "",
                Some("route-conflict"),
            ),
            ("    oidcLogoutCallbackURL: http://us.example.com/back", "", "", "", Some("plain-http")),
            (
                "    oidcLogoutCallbackURL: https://us.example.com/back\n    oauthLogoutRedirect: {urls: ['https://us.example.com/back']}",
                "",
                "",
                "",
                Some("two-spellings"),
            ),
            ("    oidcBackchannelLogoutURL: https://us.example.com/announced", "", "", "", None),
            ("    oidcBackchannelLogoutURL: http://us.example.com/announced", "", "", "", Some("plain-http")),
            (
                "    oidcBackchannelLogoutURL: https://us.example.com/callback",
                "",
                "",
                "",
                Some("route-conflict"),
            ),
            (
                "",
                "    postLogoutRedirectURLs: [https://b.example.com/bye, 'com.example.b:/bye']",
                "",
                "",
                None,
            ),
            ("", "    postLogoutRedirectURLs: ['javascript:alert(1)']", "", "", Some("bad-value")),
            ("", "    postLogoutRedirectURLs: ['http://b.example.com/bye']", "", "", Some("bad-value")),
            ("", "    backchannelLogoutURL: https://b.example.com/out", "", "", None),
            ("", "    backchannelLogoutURL: http://10.0.0.1/out", "", "", Some("plain-http")),
            ("", "    backchannelLogoutURL: 'https://b.example.com/out#x'", "", "", Some("bad-value")),
        ] {
            let want: Vec<&str> = want.into_iter().collect();
            assert_eq!(found(connector, party, page, top), want, "{connector}{party}{page}{top}");
        }
    }
}
