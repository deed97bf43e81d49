//! Who asks at the token endpoint (RFC 6749 §2.3): one method per request, and the client's own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use percent_encoding::percent_decode_str;

use super::{Client, Provider};
use crate::model::Deployment;
use crate::model::app::OidcApp;
use crate::protocol::oauth::{OAuthError, Params};

/// Authenticates a client. The flag of an error says whether the `Authorization` header was used, which
/// decides the `WWW-Authenticate` of the answer.
pub fn authenticate<'a>(
    provider: &'a Provider,
    deployment: &'a Deployment,
    headers: &HeaderMap,
    params: &Params,
) -> Result<(&'a Client, &'a OidcApp), (OAuthError, bool)> {
    let header = headers.get(AUTHORIZATION);
    let in_header = header.is_some();
    let failed = (OAuthError::InvalidClient, in_header);
    let (id, secret) = match (header, params.get("client_secret")) {
        (Some(_), Some(_)) => return Err((OAuthError::InvalidRequest, true)),
        (Some(header), None) => {
            let (id, secret) = header.to_str().ok().and_then(basic).ok_or(failed)?;
            if params.get("client_id").is_some_and(|other| other != id) {
                return Err((OAuthError::InvalidRequest, true));
            }
            (id, Some(secret))
        }
        (None, secret) => (params.get("client_id").ok_or(failed)?.to_owned(), secret.map(str::to_owned)),
    };
    let found = provider.client(deployment, &id);
    match (found, secret) {
        (Some((client, app)), None) if app.public => Ok((client, app)),
        (Some((client, app)), Some(secret)) if !app.public => {
            // All are compared, so that the time does not tell which one matched.
            let good = client.secrets.iter().fold(false, |good, known| known.matches(&secret) | good);
            if good { Ok((client, app)) } else { Err(failed) }
        }
        _ => Err(failed),
    }
}

/// Both halves are form-encoded before they are joined (RFC 6749 §2.3.1).
fn basic(header: &str) -> Option<(String, String)> {
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decode = |half: &str| {
        let spaced = half.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8().ok().map(|t| t.into_owned())
    };
    Some((decode(id)?, decode(secret)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_form_encoded() {
        let header = format!("basic {}", STANDARD.encode("a%3Ab:s%2Be+c%C3%A9%25"));
        assert_eq!(basic(&header), Some(("a:b".into(), "s+e cé%".into())));
        for bad in ["Bearer x", "Basic", "Basic !!", "Basic YWJj"] {
            assert_eq!(basic(bad), None, "{bad}");
        }
    }
}
