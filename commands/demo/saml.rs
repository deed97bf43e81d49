//! A SAML identity provider, small and whole: metadata, single sign-on by address or form, a sign-in page, signed
//! assertions. It keeps no session: who comes again is asked again.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow};
use http::header::HOST;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming as Body;
use maverics::ambient::{Clock, Entropy};
use maverics::protocol::jose::sign::SigningKey;
use maverics::protocol::oauth::Params;
use maverics::protocol::saml::accept::{AcceptedRequest, Service, read_request};
use maverics::protocol::saml::describe::IdpDescription;
use maverics::protocol::saml::issue::{Answer, IssuedAttribute, Protection};
use maverics::protocol::saml::logout::Incoming;
use maverics::protocol::saml::message::{Common, NameId, SKEW_SECS, new_id};
use maverics::protocol::saml::names::{PASSWORD_PROTECTED, attr_name, name_id};
use maverics::protocol::saml::{OwnKey, redirect};
use maverics::serve::edge::Response;
use maverics::serve::edge::answer;
use maverics::serve::edge::pages::{Form, Page, Post};
use tokio::net::TcpListener;

use super::files::{Person, find};
use super::{switch, web};

/// Largest form, in bytes: a request and what is typed.
const FORM_BYTES_MAX: usize = 64 * 1024;
/// How long an assertion may be used, in seconds.
const LIFE_SECS: u64 = 120;
/// Where the form of the sign-in page posts.
const SIGN_IN: &str = "/sign-in";

/// The provider.
struct Provider {
    /// Scheme, host and port, as people see it.
    origin: String,
    /// Entity id and assertion consumer service of the one service it knows.
    service: (String, String),
    key: OwnKey,
    people: Vec<Person>,
    clock: Clock,
    entropy: Entropy,
}

/// Starts it on a port of its own, which is returned; people know it as `origin`.
pub fn start(
    origin: String,
    service: (String, String),
    people: &[Person],
    (clock, entropy): (&Clock, &Entropy),
) -> Result<SocketAddr> {
    let listener = switch::listen(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let address = listener.local_addr().context("a socket has no address")?;
    let provider = Provider {
        origin,
        service,
        key: key().context("a signing key cannot be made")?,
        people: people.to_vec(),
        clock: clock.clone(),
        entropy: entropy.clone(),
    };
    tokio::spawn(serve(listener, Arc::new(provider)));
    Ok(address)
}

/// A key, with the certificate that metadata has to show.
fn key() -> Result<OwnKey> {
    let pem = SigningKey::generate_rsa_pem();
    let pair = rcgen::KeyPair::from_pem_and_sign_algo(&pem, &rcgen::PKCS_RSA_SHA256)?;
    let certificate = rcgen::CertificateParams::new(vec!["west.localhost".to_owned()])?.self_signed(&pair)?;
    OwnKey::from_pem(pem.as_bytes(), Some(certificate.pem().as_bytes())).map_err(|e| anyhow!("{e}"))
}

async fn serve(listener: TcpListener, provider: Arc<Provider>) {
    web::connections(listener, move |request| {
        let provider = provider.clone();
        async move { provider.answer(request).await }
    })
    .await;
}

impl Provider {
    async fn answer(&self, request: Request<Body>) -> Response {
        let (parts, body) = request.into_parts();
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        if format!("http://{host}") != self.origin {
            return answer::plain(StatusCode::MISDIRECTED_REQUEST);
        }
        let form = match Limited::new(body, FORM_BYTES_MAX).collect().await {
            Ok(body) => std::str::from_utf8(&body.to_bytes()).ok().and_then(|text| Params::parse(text).ok()),
            Err(_) => return answer::plain(StatusCode::PAYLOAD_TOO_LARGE),
        };
        let form = form.unwrap_or_default();
        match (&parts.method, parts.uri.path()) {
            (&Method::GET, "/metadata") => self.metadata(),
            (&Method::GET, "/sso") => match parts.uri.query() {
                Some(query) => self.ask(&Asked::ByAddress(query.to_owned()), None),
                None => refused("There is no request."),
            },
            (&Method::POST, "/sso") => match Asked::of_form(&form) {
                Some(asked) => self.ask(&asked, None),
                None => refused("There is no request."),
            },
            (&Method::POST, SIGN_IN) => self.signed_in(&form),
            _ => answer::plain(StatusCode::NOT_FOUND),
        }
    }

    fn metadata(&self) -> Response {
        let Some(certificate) = self.key.certificate() else {
            return answer::plain(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let sso = format!("{}/sso", self.origin);
        let description = IdpDescription {
            entity_id: &self.origin,
            sso: &sso,
            slo: None,
            signing: &[certificate],
            wants_signed_requests: false,
            name_id_formats: &[name_id::PERSISTENT],
        };
        match description.write(None) {
            Ok(text) => answer::document("application/samlmetadata+xml", text),
            Err(_) => answer::plain(StatusCode::INTERNAL_SERVER_ERROR),
        }
    }

    /// The request, and what it brought to have back, if it is one that may be answered.
    fn read(&self, asked: &Asked) -> Option<(AcceptedRequest, Option<String>)> {
        let (entity_id, acs) = &self.service;
        let places = [acs.as_str()];
        let service = Service { entity_id, keys: &[], acs: &places, signs_requests: false };
        let sso = format!("{}/sso", self.origin);
        let read = |incoming: Incoming<'_>| {
            read_request(incoming, &sso, SKEW_SECS, |_| Some(service), self.clock.unix()).ok()
        };
        match asked {
            Asked::ByAddress(query) => {
                let message = redirect::decode(query).ok()?;
                let request = read(Incoming::Redirect(&message))?;
                Some((request, message.relay_state().map(str::to_owned)))
            }
            Asked::ByForm { request, relay_state } => {
                Some((read(Incoming::Post(request))?, relay_state.clone()))
            }
        }
    }

    /// The sign-in page.
    fn ask(&self, asked: &Asked, typed: Option<&str>) -> Response {
        if self.read(asked).is_none() {
            return refused("The request is not one that can be answered.");
        }
        let host = self.origin.trim_start_matches("http://");
        let mut page = Page::new("Sign in", format!("Enter your user name and password for {host}."));
        page.form = Some(Form {
            action: SIGN_IN.to_owned(),
            state: asked.packed(),
            username: typed.unwrap_or_default().to_owned(),
            error: typed.map(|_| "The user name or the password is wrong.".to_owned()),
        });
        let status = if typed.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        answer::page(status, &page)
    }

    /// What was typed, with the request that the page was for.
    fn signed_in(&self, form: &Params) -> Response {
        let asked = form.get("state").and_then(Asked::unpacked);
        let Some(asked) = asked else { return refused("There is no request.") };
        let Some((request, relay_state)) = self.read(&asked) else {
            return refused("The request is not one that can be answered, or it is too old.");
        };
        let username = form.get("username").unwrap_or_default();
        let Some(person) = find(&self.people, username, form.get("password").unwrap_or_default()) else {
            return self.ask(&asked, Some(username));
        };
        let Some(response) = self.response(&request, person) else {
            return answer::plain(StatusCode::INTERNAL_SERVER_ERROR);
        };
        let mut fields = vec![("SAMLResponse".to_owned(), response)];
        fields.extend(relay_state.map(|state| ("RelayState".to_owned(), state)));
        let mut page = Page::new("One moment", "You are being sent back.");
        page.post = Some(Post { action: request.acs().to_owned(), fields, leads_on: false });
        answer::page(StatusCode::OK, &page)
    }

    /// A signed assertion about the person, as the form field has it.
    fn response(&self, request: &AcceptedRequest, person: &Person) -> Option<String> {
        use base64::Engine as _;
        let now = self.clock.unix();
        let attribute = |name: &str, values: &[&str]| IssuedAttribute {
            name: name.to_owned(),
            name_format: attr_name::BASIC.to_owned(),
            friendly_name: None,
            values: values.iter().map(|value| Some((*value).to_owned())).collect(),
        };
        let (id, assertion_id, session) =
            (new_id(&self.entropy), new_id(&self.entropy), new_id(&self.entropy));
        let answer = Answer {
            common: Common { id: &id, issuer: &self.origin, destination: request.acs(), issued: now },
            assertion_id: &assertion_id,
            in_response_to: Some(request.id()),
            audience: request.service(),
            name_id: Some(&NameId::new(&format!("west-{}", person.username), name_id::PERSISTENT)),
            attributes: &[
                attribute("loginName", &[person.username]),
                attribute("fullName", &[person.name]),
                attribute("emailAddress", &[person.email]),
                attribute("entitlement", person.groups),
            ],
            authn_instant: now,
            authn_context: PASSWORD_PROTECTED,
            session_index: &session,
            session_not_on_or_after: None,
            life_secs: LIFE_SECS,
        };
        let protection = Protection { key: &self.key, assertion: true, response: false, encrypt_to: None };
        let xml = answer.issue(&protection, &self.entropy).ok()?;
        Some(base64::engine::general_purpose::STANDARD.encode(xml))
    }
}

/// A request that was not answered yet, as it came.
enum Asked {
    /// By HTTP-Redirect: the raw query.
    ByAddress(String),
    /// By HTTP-POST.
    ByForm { request: String, relay_state: Option<String> },
}

impl Asked {
    fn of_form(form: &Params) -> Option<Self> {
        let request = form.get("SAMLRequest")?.to_owned();
        Some(Asked::ByForm { request, relay_state: form.get("RelayState").map(str::to_owned) })
    }

    /// As one field of a form.
    fn packed(&self) -> String {
        let mut out = url::form_urlencoded::Serializer::new(String::new());
        match self {
            Asked::ByAddress(query) => out.append_pair("query", query),
            Asked::ByForm { request, relay_state: None } => out.append_pair("SAMLRequest", request),
            Asked::ByForm { request, relay_state: Some(state) } => {
                out.append_pair("SAMLRequest", request).append_pair("RelayState", state)
            }
        };
        out.finish()
    }

    fn unpacked(text: &str) -> Option<Self> {
        let params = Params::parse(text).ok()?;
        match params.get("query") {
            Some(query) => Some(Asked::ByAddress(query.to_owned())),
            None => Asked::of_form(&params),
        }
    }
}

fn refused(words: &str) -> Response {
    answer::page(StatusCode::BAD_REQUEST, &Page::new("This request cannot be answered", words))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_survives_the_sign_in_page() {
        for asked in [
            Asked::ByAddress("SAMLRequest=a%2Bb&RelayState=x%26y&Signature=1".into()),
            Asked::ByForm { request: "PD94+/=".into(), relay_state: Some("a&b=\"c\"".into()) },
            Asked::ByForm { request: "x".into(), relay_state: None },
        ] {
            let packed = asked.packed();
            assert_eq!(Asked::unpacked(&packed).map(|again| again.packed()), Some(packed));
        }
        assert!(Asked::unpacked("RelayState=x").is_none());
    }
}
