//! A SAML identity provider that does as it is told. Whoever comes is signed in at once as the one person it knows,
//! as at a provider where the person has a session.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use maverics::ambient::{Clock, Entropy, UnixSecs};
use maverics::protocol::oauth::Params;
use maverics::protocol::saml::accept::{Service, read_request};
use maverics::protocol::saml::describe::IdpDescription;
use maverics::protocol::saml::issue::{Answer, IssuedAttribute, Protection, refuse};
use maverics::protocol::saml::keys::{OwnKey, PeerKey};
use maverics::protocol::saml::logout::{self, LogoutRequest, LogoutResponse};
use maverics::protocol::saml::message::{Common, NameId, Outgoing, SKEW_SECS, Status, new_id};
use maverics::protocol::saml::names::{BINDING_REDIRECT, PASSWORD_PROTECTED, attr_name, name_id};
use maverics::protocol::saml::redirect;
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;

/// An endpoint of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    Metadata,
    SignOn,
    Logout,
}

/// What the test decides about the next answers.
#[derive(Debug, Clone)]
pub struct Manner {
    /// Whom the assertion names.
    pub name: NameId,
    /// What it says about them.
    pub attributes: Vec<(String, Vec<String>)>,
    /// The assertion is signed.
    pub sign_assertion: bool,
    /// The response is signed.
    pub sign_response: bool,
    /// The assertion is encrypted to the service's key.
    pub encrypt: bool,
    /// Seconds after now at which the session must end, clocks being equal.
    pub session_secs: Option<i64>,
    /// Seconds before now at which the person authenticated.
    pub authenticated_ago: u64,
    /// Instead of an assertion: a status and the one below it.
    pub refuses: Option<(&'static str, Option<&'static str>)>,
    /// The metadata and the sign-on endpoint answer with this status.
    pub status: Option<u16>,
    /// The metadata offers only HTTP-Redirect for requests.
    pub only_redirect: bool,
    /// `validUntil` of the metadata.
    pub valid_until: Option<UnixSecs>,
    /// The metadata is signed.
    pub signs_metadata: bool,
    /// The metadata is of another entity.
    pub other_entity: bool,
    /// The metadata has a logout endpoint over plain http on another machine, too.
    pub also_plain: bool,
    /// Seconds before now at which an answer is issued.
    pub issued_ago: u64,
}

type Tamper = Arc<dyn Fn(String) -> String + Send + Sync>;

struct State {
    base: String,
    /// Entity id, consumer service, logout service and certificate of the service.
    service: (String, String, String, Option<String>),
    manner: Manner,
    tamper: Option<Tamper>,
    /// Signs; the certificates are published.
    key: Arc<OwnKey>,
    published: Vec<String>,
    /// Requests, in order.
    requests: Vec<Request>,
    calls: HashMap<At, usize>,
    /// What came back to the logout endpoint: whether it was a good answer.
    logouts: Vec<bool>,
    /// Id of the last logout request it sent.
    asked: Option<String>,
    sessions: usize,
}

/// An authentication request, as it was accepted.
#[derive(Debug, Clone)]
pub struct Request {
    pub force_authn: bool,
    pub was_signed: bool,
    pub posted: bool,
}

/// The provider.
pub struct FakeSamlIdp {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    runtime: Option<Runtime>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn now() -> UnixSecs {
    Clock::system().unix()
}

fn entropy() -> Entropy {
    Entropy::system()
}

/// An RSA key and a certificate for it, as PEM.
pub fn key_pair() -> (String, String) {
    let pem = maverics::protocol::jose::SigningKey::generate_rsa_pem();
    let key = rcgen::KeyPair::from_pem_and_sign_algo(&pem, &rcgen::PKCS_RSA_SHA256).expect("a key");
    let params = rcgen::CertificateParams::new(vec!["idp.example".to_owned()]).expect("parameters");
    (pem, params.self_signed(&key).expect("a certificate").pem())
}

fn own_key() -> (Arc<OwnKey>, String) {
    let (key, certificate) = key_pair();
    let own = OwnKey::from_pem(key.as_bytes(), Some(certificate.as_bytes())).expect("a key");
    (Arc::new(own), certificate)
}

impl FakeSamlIdp {
    /// Knows one person, by a name and attributes. The service is told with [`FakeSamlIdp::serves`].
    pub fn start(name: &str, attributes: &[(&str, &[&str])]) -> Self {
        let (key, certificate) = own_key();
        let manner = Manner {
            name: NameId::new(name, name_id::PERSISTENT),
            attributes: attributes
                .iter()
                .map(|(name, values)| ((*name).to_owned(), values.iter().map(|v| (*v).to_owned()).collect()))
                .collect(),
            sign_assertion: true,
            sign_response: false,
            encrypt: false,
            session_secs: None,
            authenticated_ago: 0,
            refuses: None,
            status: None,
            only_redirect: false,
            valid_until: None,
            signs_metadata: false,
            other_entity: false,
            also_plain: false,
            issued_ago: 0,
        };
        let mut idp = FakeSamlIdp {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            state: Arc::new(Mutex::new(State {
                base: String::new(),
                service: Default::default(),
                manner,
                tamper: None,
                key,
                published: vec![certificate],
                requests: Vec::new(),
                calls: HashMap::new(),
                logouts: Vec::new(),
                asked: None,
                sessions: 0,
            })),
            runtime: None,
        };
        idp.listen();
        idp
    }

    /// Listens, again where it did before.
    pub fn listen(&mut self) {
        let runtime = super::runtime();
        let address = self.address;
        let listener = runtime.block_on(async move {
            let socket = TcpSocket::new_v4()?;
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            socket.listen(256)
        });
        let listener: TcpListener = listener.expect("the fake's port");
        self.address = listener.local_addr().expect("a bound port");
        lock(&self.state).base = format!("http://{}", self.address);
        let state = self.state.clone();
        runtime.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = state.clone();
                tokio::spawn(async move {
                    let service = service_fn(move |request| answer(state.clone(), request));
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        self.runtime = Some(runtime);
    }

    /// From now on connections are refused.
    pub fn refuse(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }

    /// The service it knows: entity id, consumer service, logout service, certificate.
    pub fn serves(&self, entity_id: &str, acs: &str, slo: &str, certificate: Option<&str>) {
        lock(&self.state).service =
            (entity_id.to_owned(), acs.to_owned(), slo.to_owned(), certificate.map(str::to_owned));
    }

    pub fn entity_id(&self) -> String {
        lock(&self.state).entity_id()
    }

    pub fn metadata_url(&self) -> String {
        format!("{}/metadata", lock(&self.state).base)
    }

    /// The metadata, as it is served.
    pub fn metadata(&self) -> String {
        lock(&self.state).metadata()
    }

    /// The certificate that verifies what it signs now.
    pub fn certificate(&self) -> String {
        lock(&self.state).published[0].clone()
    }

    /// Changes how it answers.
    pub fn be(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut lock(&self.state).manner);
    }

    /// Changes every response after it was signed.
    pub fn tamper(&self, tamper: impl Fn(String) -> String + Send + Sync + 'static) {
        lock(&self.state).tamper = Some(Arc::new(tamper));
    }

    pub fn be_honest(&self) {
        lock(&self.state).tamper = None;
    }

    /// Signs with another key from now on, and publishes it (beside the old one, or not at all).
    pub fn rotate(&self, publish: bool) {
        let (key, certificate) = own_key();
        let mut state = lock(&self.state);
        state.key = key;
        if publish {
            state.published.insert(0, certificate);
        }
    }

    pub fn calls(&self, at: At) -> usize {
        lock(&self.state).calls.get(&at).copied().unwrap_or_default()
    }

    pub fn requests(&self) -> Vec<Request> {
        lock(&self.state).requests.clone()
    }

    /// What came back to its logout endpoint: whether each was a good answer.
    pub fn logouts(&self) -> Vec<bool> {
        lock(&self.state).logouts.clone()
    }

    /// The form field of a response that nobody asked for, or that answers a request.
    pub fn response(&self, in_response_to: Option<&str>) -> String {
        STANDARD.encode(lock(&self.state).response(in_response_to))
    }

    /// A logout request for the person, with these session indexes, as an address.
    pub fn logout_url(&self, indexes: &[&str], relay_state: Option<&str>) -> String {
        let mut state = lock(&self.state);
        let outgoing = state.logout_request(indexes);
        redirect::encode(&outgoing, &state.service.2, relay_state, Some(&state.key)).expect("an address")
    }

    /// The same as a form field, signed or not.
    pub fn logout_field(&self, indexes: &[&str], signed: bool) -> String {
        let mut state = lock(&self.state);
        let outgoing = state.logout_request(indexes);
        let key = state.key.clone();
        outgoing.post(signed.then_some(&*key)).expect("a field")
    }

    /// Name of the session of the last sign-in.
    pub fn last_session(&self) -> String {
        format!("session-{}", lock(&self.state).sessions)
    }
}

impl State {
    fn entity_id(&self) -> String {
        match self.manner.other_entity {
            true => "https://other.example/idp".to_owned(),
            false => format!("{}/idp", self.base),
        }
    }

    fn metadata(&self) -> String {
        let keys: Vec<PeerKey> = self
            .published
            .iter()
            .map(|pem| PeerKey::from_pem(pem.as_bytes()).expect("a certificate"))
            .collect();
        let entity_id = self.entity_id();
        let (sso, slo) = (format!("{}/sso", self.base), format!("{}/slo", self.base));
        let description = IdpDescription {
            entity_id: &entity_id,
            sso: &sso,
            slo: Some(&slo),
            signing: &keys.iter().collect::<Vec<_>>(),
            wants_signed_requests: false,
            name_id_formats: &[name_id::PERSISTENT],
        };
        let mut xml = match self.manner.signs_metadata {
            true => description.write(Some((&self.key, "_metadata"))),
            false => description.write(None),
        }
        .expect("metadata");
        if let Some(until) = self.manner.valid_until {
            let until = maverics::protocol::saml::time::format(until);
            xml = xml.replacen(" entityID=", &format!(" validUntil=\"{until}\" entityID="), 1);
        }
        if self.manner.also_plain {
            let place = "<md:SingleLogoutService ";
            assert!(xml.contains(place), "{xml}");
            let plain =
                format!("{place}Binding=\"{BINDING_REDIRECT}\" Location=\"http://idp.example/slo\"/>{place}");
            xml = xml.replacen(place, &plain, 1);
        }
        if self.manner.only_redirect {
            let post = "<md:SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\"";
            let other = post.replace("HTTP-POST", "SOAP");
            assert!(xml.contains(post), "{xml}");
            xml = xml.replace(post, &other);
        }
        xml
    }

    fn response(&mut self, in_response_to: Option<&str>) -> String {
        let entropy = entropy();
        let entity_id = self.entity_id();
        let (audience, acs, _, certificate) = self.service.clone();
        let issued = UnixSecs(now().0 - self.manner.issued_ago);
        let common = Common { id: &new_id(&entropy), issuer: &entity_id, destination: &acs, issued };
        let manner = &self.manner;
        let mut xml = if let Some((code, detail)) = manner.refuses {
            let outgoing = refuse(&common, in_response_to, &Status::of(code, detail));
            if manner.sign_response {
                outgoing.signed(&self.key).expect("a signature")
            } else {
                outgoing.unsigned()
            }
        } else {
            self.sessions += 1;
            let attributes: Vec<IssuedAttribute> = manner
                .attributes
                .iter()
                .map(|(name, values)| IssuedAttribute {
                    name: name.clone(),
                    name_format: attr_name::URI.to_owned(),
                    friendly_name: None,
                    values: values.iter().cloned().map(Some).collect(),
                })
                .collect();
            let encrypt_to = manner.encrypt.then(|| {
                PeerKey::from_pem(certificate.expect("a certificate").as_bytes()).expect("a certificate")
            });
            let protection = Protection {
                key: &self.key,
                assertion: manner.sign_assertion,
                response: manner.sign_response,
                encrypt_to: encrypt_to.as_ref(),
            };
            let answer = Answer {
                common,
                assertion_id: &new_id(&entropy),
                in_response_to,
                audience: &audience,
                name_id: Some(&manner.name),
                attributes: &attributes,
                authn_instant: UnixSecs(now().0 - manner.authenticated_ago),
                authn_context: PASSWORD_PROTECTED,
                session_index: &format!("session-{}", self.sessions),
                session_not_on_or_after: manner
                    .session_secs
                    .map(|secs| UnixSecs(now().0.checked_add_signed(secs).expect("an instant"))),
                life_secs: 300,
            };
            answer.issue(&protection, &entropy).expect("a response")
        };
        if let Some(tamper) = &self.tamper {
            xml = tamper(xml);
        }
        xml
    }

    fn logout_request(&mut self, indexes: &[&str]) -> Outgoing {
        let entity_id = self.entity_id();
        let id = new_id(&entropy());
        self.asked = Some(id.clone());
        LogoutRequest {
            common: Common { id: &id, issuer: &entity_id, destination: &self.service.2, issued: now() },
            name_id: &self.manner.name,
            session_indexes: indexes,
            not_on_or_after: now().plus(300),
        }
        .build()
    }

    /// A sign-in page that submits itself.
    fn sign_on(&mut self, query: Option<&str>, form: &Params) -> Response<Full<Bytes>> {
        let (entity_id, acs, _, certificate) = self.service.clone();
        let redirected = query.map(|query| redirect::decode(query).expect("a request by address"));
        let incoming = match &redirected {
            Some(message) => logout::Incoming::Redirect(message),
            None => logout::Incoming::Post(form.get("SAMLRequest").expect("a request by form")),
        };
        let keys: Vec<PeerKey> =
            certificate.iter().map(|pem| PeerKey::from_pem(pem.as_bytes()).expect("a certificate")).collect();
        let places = [acs.as_str()];
        let service = Service { entity_id: &entity_id, keys: &keys, acs: &places, signs_requests: false };
        let sso = format!("{}/sso", self.base);
        let accepted =
            read_request(incoming, &sso, SKEW_SECS, |_| Some(service), now()).expect("a good request");
        self.requests.push(Request {
            force_authn: accepted.force_authn(),
            was_signed: accepted.was_signed(),
            posted: redirected.is_none(),
        });
        let relay_state = match &redirected {
            Some(message) => message.relay_state().map(str::to_owned),
            None => form.get("RelayState").map(str::to_owned),
        };
        let field = STANDARD.encode(self.response(Some(accepted.id())));
        page(&acs, &[("SAMLResponse", &field), ("RelayState", &relay_state.unwrap_or_default())])
    }

    /// Ends its session and answers, or takes an answer.
    fn log_out(&mut self, query: &str) -> Response<Full<Bytes>> {
        let Ok(message) = redirect::decode(query) else { return plain(400, "no message by address") };
        let base = self.base.clone();
        let destination = format!("{base}/slo");
        let (entity_id, _, slo, certificate) = self.service.clone();
        let keys: Vec<PeerKey> =
            certificate.iter().map(|pem| PeerKey::from_pem(pem.as_bytes()).expect("a certificate")).collect();
        let expected = logout::Expected {
            issuer: &entity_id,
            keys: &keys,
            destination: &destination,
            skew_secs: SKEW_SECS,
        };
        let incoming = logout::Incoming::Redirect(&message);
        if let Some(asked) = self.asked.take() {
            let good = logout::verify_response(incoming, &asked, &expected, now());
            self.logouts.push(good.is_ok_and(|response| response.status().is_success()));
            return plain(200, "signed out everywhere");
        }
        let request = match logout::verify_request(incoming, &expected, now()) {
            Ok(request) => request,
            Err(refusal) => {
                self.logouts.push(false);
                return plain(400, refusal.code());
            }
        };
        self.logouts.push(request.name_id().value == self.manner.name.value);
        let response = LogoutResponse {
            common: Common {
                id: &new_id(&entropy()),
                issuer: &self.entity_id(),
                destination: &slo,
                issued: now(),
            },
            in_response_to: request.id(),
            status: &Status::of(maverics::protocol::saml::names::status::SUCCESS, None),
        }
        .build();
        let url =
            redirect::encode(&response, &slo, message.relay_state(), Some(&self.key)).expect("an address");
        let mut response = plain(303, "");
        response.headers_mut().insert("location", url.parse().expect("an address"));
        response
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: http::Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await.map(|b| b.to_bytes()).unwrap_or_default();
    let form = Params::parse(std::str::from_utf8(&body).unwrap_or_default()).unwrap_or_default();
    let at = match parts.uri.path() {
        "/metadata" => At::Metadata,
        "/sso" => At::SignOn,
        "/slo" => At::Logout,
        _ => return Ok(plain(404, "")),
    };
    let mut state = lock(&state);
    *state.calls.entry(at).or_default() += 1;
    if let (Some(status), At::Metadata | At::SignOn) = (state.manner.status, at) {
        return Ok(plain(status, ""));
    }
    Ok(match at {
        At::Metadata => plain(200, &state.metadata()),
        // A probe of ours comes without a message.
        At::SignOn if parts.uri.query().is_none() && form.pairs().is_empty() => plain(400, "no message"),
        At::SignOn => state.sign_on(parts.uri.query(), &form),
        At::Logout => state.log_out(parts.uri.query().unwrap_or_default()),
    })
}

fn plain(status: u16, text: &str) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::new(Bytes::from(text.to_owned()))).expect("an answer")
}

/// A form that a browser posts.
fn page(action: &str, fields: &[(&str, &str)]) -> Response<Full<Bytes>> {
    let fields: String = fields
        .iter()
        .map(|(name, value)| format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">"))
        .collect();
    plain(200, &format!("<!doctype html><form method=\"post\" action=\"{action}\">{fields}</form>"))
}
