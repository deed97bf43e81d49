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
