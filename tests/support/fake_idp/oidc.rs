//! An OpenID provider that misbehaves when told to. Whoever comes is signed in at once as the one person it
//! knows, as at a provider where the person has a session.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use aws_lc_rs::{digest, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use maverics::protocol::jose::SigningKey;
use maverics::protocol::oidc::id_token::half_hash;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;
use tokio::time::Sleep;

/// The client everybody registers.
pub const CLIENT: &str = "orch";
/// Its secret, with what Basic authentication has to encode.
pub const SECRET: &str = "s3cret:of%orch+";

/// An endpoint of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    Discovery,
    Keys,
    Authorize,
    Token,
    UserInfo,
    EndSession,
}

/// Who signs a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signer {
    /// The provider.
    Own,
    /// Somebody whose key nobody published.
    Stranger,
    /// The stranger, under the provider's key id.
    Forger,
    /// Nobody: `alg: none`.
    Nobody,
    /// HS256 with the published key as the secret.
    Hmac,
}

/// What it does instead of what it should.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quirk {
    /// Takes the request and never answers.
    Hangs(At),
    /// Answers with a status and no content.
    Status(At, u16),
    /// Answers with a page.
    Html(At),
    /// One byte of the answer every 100 ms.
    Drips(At),
    /// 100 MB.
    Huge(At),
    /// Names another issuer in its discovery document.
    OtherIssuer,
    /// Publishes no key.
    NoKeys,
    /// Offers no logout.
    NoEndSession,
    /// Sends the browser back with this error.
    Error(&'static str),
    /// `iss` of another provider in its answer.
    WrongIss,
    /// No `iss`, although promised.
    NoIss,
    /// ID token: another issuer.
    TokenIssuer,
    TokenNonce,
    TokenWithoutNonce,
    TokenAudience,
    TokenTwoAudiences,
    TokenExpired,
    TokenFromTheFuture,
    TokenWithoutSubject,
    /// `alg: none`.
    TokenUnsigned,
    /// HS256 with the published key as the secret.
    TokenHmac,
    /// A signature by somebody else's key under our key id.
    TokenForged,
    /// Signed with a key that is not published.
    TokenUnknownKey,
    TokenAbsent,
    /// With a claim of this many bytes.
    TokenPadded(usize),
    TokenWrongHash,
    /// Allowed in the code flow (Core §3.1.3.6).
    TokenWithoutHash,
    /// UserInfo speaks of somebody else.
    OtherSubject,
}

struct Code {
    sid: String,
    nonce: Option<String>,
    challenge: Option<String>,
    redirect_uri: String,
    max_age: bool,
}

struct State {
    issuer: String,
    person: Value,
    quirks: Vec<Quirk>,
    keys: Vec<SigningKey>,
    stranger: SigningKey,
    codes: HashMap<String, Code>,
    calls: HashMap<At, Vec<String>>,
    sids: Vec<String>,
    issued: Vec<String>,
    made: u64,
}

/// The provider.
pub struct FakeIdp {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    runtime: Option<Runtime>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FakeIdp {
    /// Knows one person, by these claims (`sub` among them).
    pub fn start(person: Value) -> Self {
        let mut idp = FakeIdp {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            state: Arc::new(Mutex::new(State {
                issuer: String::new(),
                person,
                quirks: Vec::new(),
                keys: vec![SigningKey::generate_es256()],
                stranger: SigningKey::generate_es256(),
                codes: HashMap::new(),
                calls: HashMap::new(),
                sids: Vec::new(),
                issued: Vec::new(),
                made: 0,
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
        lock(&self.state).issuer = format!("http://{}", self.address);
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

    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it does these, and nothing else that is wrong.
    pub fn misbehave(&self, quirks: &[Quirk]) {
        lock(&self.state).quirks = quirks.to_vec();
    }

    /// From now on it knows this person instead.
    pub fn knows(&self, person: Value) {
        lock(&self.state).person = person;
    }

    /// Signs with a new key and publishes it.
    pub fn rotate(&self) {
        lock(&self.state).keys = vec![SigningKey::generate_es256()];
    }

    /// How often an endpoint was asked.
    pub fn calls(&self, at: At) -> usize {
        lock(&self.state).calls.get(&at).map_or(0, Vec::len)
    }

    /// Queries, in order, that an endpoint was asked.
    pub fn queries(&self, at: At) -> Vec<String> {
        lock(&self.state).calls.get(&at).cloned().unwrap_or_default()
    }

    /// Session ids, in order, of the sign-ins it redeemed.
    pub fn sids(&self) -> Vec<String> {
        lock(&self.state).sids.clone()
    }

    /// Session id of a sign-in whose code is not redeemed yet.
    #[track_caller]
    pub fn next_sid(&self) -> String {
        let state = lock(&self.state);
        state.codes.values().next().expect("a code on its way").sid.clone()
    }

    /// ID tokens it issued, in order.
    pub fn id_tokens(&self) -> Vec<String> {
        lock(&self.state).issued.clone()
    }

    /// A logout token with everything that belongs into one, and what the test changes in its header and claims.
    pub fn logout_token(&self, signer: Signer, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let mut state = lock(&self.state);
        let now = maverics::ambient::Clock::system().unix().0;
        let mut header = json!({"typ": "logout+jwt"});
        let mut claims = json!({
            "iss": state.issuer, "aud": CLIENT, "iat": now, "exp": now + 120, "jti": state.fresh("jti"),
            "sub": state.person["sub"], "events": {"http://schemas.openid.net/event/backchannel-logout": {}},
        });
        change(&mut header, &mut claims);
        state.sign(signer, header, &claims)
    }

    /// A connector of `type: oidc` that uses this provider.
    pub fn connector(&self, name: &str, callback: &str) -> String {
        format!(
            "  - name: {name}
    type: oidc
    oidcWellKnownURL: {issuer}/.well-known/openid-configuration
    oauthClientID: {CLIENT}
    oauthClientSecret: \"{SECRET}\"
    oauthRedirectURL: {callback}
    scopes: openid profile email
    healthCheck: {{enabled: true, interval: 1s, timeout: 500ms, unhealthyThreshold: 2, healthyThreshold: 2}}
",
            issuer = self.issuer()
        )
    }
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: http::Request<Incoming>,
) -> Result<Response<Slow>, Infallible> {
    let (parts, body) = request.into_parts();
    let at = match parts.uri.path() {
        "/.well-known/openid-configuration" => At::Discovery,
        "/keys" => At::Keys,
        "/authorize" => At::Authorize,
        "/token" => At::Token,
        "/userinfo" => At::UserInfo,
        "/end" => At::EndSession,
        _ => return Ok(plain(404, "")),
    };
    let body = body.collect().await.map(|b| b.to_bytes()).unwrap_or_default();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let (quirks, response) = {
        let mut state = lock(&state);
        // A logout may be posted.
        let told = if at == At::EndSession && !body.is_empty() {
            String::from_utf8_lossy(&body).into_owned()
        } else {
            query.clone()
        };
        state.calls.entry(at).or_default().push(told.clone());
        let response = match at {
            At::Discovery => json_of(200, &state.discovery()),
            At::Keys => json_of(200, &state.key_set()),
            At::Authorize => state.authorize(&params(query.as_bytes())),
            At::Token => state.token(&parts.headers, &params(&body)),
            At::UserInfo => state.userinfo(&parts.headers),
            At::EndSession => end_session(&params(told.as_bytes())),
        };
        (state.quirks.clone(), response)
    };
    for quirk in quirks {
        match quirk {
            Quirk::Hangs(where_) if where_ == at => std::future::pending().await,
            Quirk::Status(where_, status) if where_ == at => return Ok(plain(status, "")),
            Quirk::Html(where_) if where_ == at => {
                return Ok(plain(200, "<!doctype html><title>Maintenance</title>"));
            }
            Quirk::Huge(where_) if where_ == at => return Ok(response.map(|_| Slow::huge())),
            Quirk::Drips(where_) if where_ == at => {
                return Ok(response.map(|body| Slow { drip: true, ..body }));
            }
            _ => {}
        }
    }
    Ok(response)
}

/// Sends the browser back, as after a logout.
fn end_session(params: &HashMap<String, String>) -> Response<Slow> {
    let Some(back) = params.get("post_logout_redirect_uri") else { return plain(200, "signed out") };
    let mut url = url::Url::parse(back).expect("a return address");
    if let Some(state) = params.get("state") {
        url.query_pairs_mut().append_pair("state", state);
    }
    let mut response = plain(302, "");
    let location = http::HeaderValue::try_from(url.as_str()).expect("an address");
    response.headers_mut().insert("location", location);
    response
}

fn params(bytes: &[u8]) -> HashMap<String, String> {
    url::form_urlencoded::parse(bytes).into_owned().collect()
}

fn plain(status: u16, text: &str) -> Response<Slow> {
    let mut response = Response::new(Slow::of(text.to_owned()));
    *response.status_mut() = StatusCode::from_u16(status).expect("a status");
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("text/html"));
    response
}

fn json_of(status: u16, value: &Value) -> Response<Slow> {
    let mut response = plain(status, &value.to_string());
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/json"));
    response
}

impl State {
    fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    fn fresh(&mut self, what: &str) -> String {
        self.made += 1;
        format!(
            "{what}-{}-{}",
            self.made,
            URL_SAFE_NO_PAD.encode(digest_of(&format!("{}{}", self.issuer, self.made)))
        )
    }

    fn discovery(&self) -> Value {
        let issuer = &self.issuer;
        let named = if self.has(Quirk::OtherIssuer) { "https://other.example" } else { issuer };
        let mut document = json!({
            "issuer": named,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            "authorization_response_iss_parameter_supported": true,
        });
        if !self.has(Quirk::NoEndSession) {
            document["end_session_endpoint"] = json!(format!("{issuer}/end"));
        }
        document
    }

    fn key_set(&self) -> Value {
        let keys: Vec<Value> = if self.has(Quirk::NoKeys) {
            vec![]
        } else {
            self.keys.iter().map(SigningKey::public_jwk).collect()
        };
        json!({"keys": keys})
    }

    fn authorize(&mut self, params: &HashMap<String, String>) -> Response<Slow> {
        let (Some(redirect_uri), true) =
            (params.get("redirect_uri"), params.get("client_id").is_some_and(|c| c == CLIENT))
        else {
            return plain(400, "unknown client");
        };
        let code = self.fresh("code");
        let iss =
            if self.has(Quirk::WrongIss) { "https://other.example".to_owned() } else { self.issuer.clone() };
        let mut url = url::Url::parse(redirect_uri).expect("a redirect URI");
        {
            let mut query = url.query_pairs_mut();
            match self
                .quirks
                .iter()
                .find_map(|q| if let Quirk::Error(error) = q { Some(*error) } else { None })
            {
                Some(error) => query.append_pair("error", error),
                None => query.append_pair("code", &code),
            };
            if let Some(state) = params.get("state") {
                query.append_pair("state", state);
            }
            if !self.has(Quirk::NoIss) {
                query.append_pair("iss", &iss);
            }
        }
        let kept = Code {
            sid: self.fresh("sid"),
            nonce: params.get("nonce").cloned(),
            challenge: params.get("code_challenge").cloned(),
            redirect_uri: redirect_uri.clone(),
            max_age: params.contains_key("max_age"),
        };
        self.codes.insert(code, kept);
        let mut response = plain(302, "");
        response
            .headers_mut()
            .insert("location", http::HeaderValue::try_from(url.as_str()).expect("an address"));
        response
    }

    fn token(&mut self, headers: &http::HeaderMap, form: &HashMap<String, String>) -> Response<Slow> {
        let refused = |status, error: &str| json_of(status, &json!({"error": error}));
        if !is_client(headers) {
            return refused(401, "invalid_client");
        }
        let Some(code) = form.get("code").and_then(|code| self.codes.remove(code)) else {
            return refused(400, "invalid_grant");
        };
        let verifier = form.get("code_verifier").map(|v| URL_SAFE_NO_PAD.encode(digest_of(v)));
        if form.get("redirect_uri") != Some(&code.redirect_uri) || verifier != code.challenge {
            return refused(400, "invalid_grant");
        }
        let access_token = self.fresh("access");
        let mut tokens = json!({"access_token": access_token, "token_type": "Bearer", "expires_in": 300});
        if !self.has(Quirk::TokenAbsent) {
            let id_token = self.id_token(&code, &access_token);
            self.sids.push(code.sid.clone());
            self.issued.push(id_token.clone());
            tokens["id_token"] = id_token.into();
        }
        json_of(200, &tokens)
    }

    fn id_token(&self, code: &Code, access_token: &str) -> String {
        let now = maverics::ambient::Clock::system().unix().0;
        let key = &self.keys[0];
        let mut claims = json!({
            "iss": self.issuer, "sub": self.person["sub"], "aud": CLIENT, "iat": now, "exp": now + 300,
            "at_hash": half_hash(key.alg(), access_token), "sid": code.sid,
        });
        if let Some(nonce) = &code.nonce {
            claims["nonce"] = json!(nonce);
        }
        if code.max_age {
            claims["auth_time"] = json!(now);
        }
        for quirk in &self.quirks {
            match quirk {
                Quirk::TokenIssuer => claims["iss"] = json!("https://other.example"),
                Quirk::TokenPadded(bytes) => claims["groups"] = json!("x".repeat(*bytes)),
                Quirk::TokenNonce => claims["nonce"] = json!("of another request"),
                Quirk::TokenAudience => claims["aud"] = json!("another client"),
                Quirk::TokenTwoAudiences => claims["aud"] = json!([CLIENT, "another client"]),
                Quirk::TokenExpired => claims["exp"] = json!(now - 120),
                Quirk::TokenFromTheFuture => claims["iat"] = json!(now + 300),
                Quirk::TokenWrongHash => claims["at_hash"] = json!("AAAAAAAAAAAAAAAAAAAAAA"),
                Quirk::TokenWithoutHash => drop(claims.as_object_mut().map(|c| c.remove("at_hash"))),
                Quirk::TokenWithoutNonce => drop(claims.as_object_mut().map(|c| c.remove("nonce"))),
                Quirk::TokenWithoutSubject => drop(claims.as_object_mut().map(|c| c.remove("sub"))),
                _ => {}
            }
        }
        let signer = self.quirks.iter().find_map(|quirk| match quirk {
            Quirk::TokenUnsigned => Some(Signer::Nobody),
            Quirk::TokenHmac => Some(Signer::Hmac),
            Quirk::TokenUnknownKey => Some(Signer::Stranger),
            Quirk::TokenForged => Some(Signer::Forger),
            _ => None,
        });
        self.sign(signer.unwrap_or(Signer::Own), json!({}), &claims)
    }

    fn sign(&self, signer: Signer, mut header: Value, claims: &Value) -> String {
        let key = &self.keys[0];
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        match signer {
            Signer::Own => key.sign(&header, claims).expect("a signature"),
            Signer::Stranger => self.stranger.sign(&header, claims).expect("a signature"),
            Signer::Forger => {
                let signed = key.sign(&header, claims).expect("a signature");
                let (text, _) = signed.rsplit_once('.').expect("three parts");
                let forged = self.stranger.sign(&header, claims).expect("a signature");
                let (_, signature) = forged.rsplit_once('.').expect("three parts");
                format!("{text}.{signature}")
            }
            Signer::Nobody => {
                header["alg"] = json!("none");
                format!("{}.{}.", part(&header), part(claims))
            }
            Signer::Hmac => {
                (header["alg"], header["kid"]) = (json!("HS256"), json!(key.kid()));
                let text = format!("{}.{}", part(&header), part(claims));
                let secret = key.public_jwk().to_string();
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes());
                format!("{text}.{}", URL_SAFE_NO_PAD.encode(tag))
            }
        }
    }

    fn userinfo(&self, headers: &http::HeaderMap) -> Response<Slow> {
        let bearer = headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
        if !bearer.starts_with("Bearer access-") {
            return plain(401, "");
        }
        let mut claims = self.person.clone();
        if self.has(Quirk::OtherSubject) {
            claims["sub"] = json!("mallory");
        }
        json_of(200, &claims)
    }
}

fn digest_of(text: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, text.as_bytes()).as_ref().to_vec()
}

fn is_client(headers: &http::HeaderMap) -> bool {
    let header = headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
    let Some(pair) = header.strip_prefix("Basic ").and_then(|b| STANDARD.decode(b).ok()) else {
        return false;
    };
    let pair = String::from_utf8_lossy(&pair).into_owned();
    let decode = |half: &str| params(format!("x={half}").as_bytes()).remove("x").unwrap_or_default();
    pair.split_once(':').is_some_and(|(id, secret)| decode(id) == CLIENT && decode(secret) == SECRET)
}

/// A body that can take its time, and be long.
struct Slow {
    rest: Bytes,
    huge_left: usize,
    drip: bool,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Slow {
    fn of(text: String) -> Self {
        Slow { rest: text.into(), huge_left: 0, drip: false, sleep: None }
    }

    fn huge() -> Self {
        Slow { rest: Bytes::new(), huge_left: 100 << 20, drip: false, sleep: None }
    }
}

impl Body for Slow {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        if this.huge_left > 0 {
            let piece = this.huge_left.min(64 << 10);
            this.huge_left -= piece;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b' '; piece])))));
        }
        if this.rest.is_empty() {
            return Poll::Ready(None);
        }
        if !this.drip {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut this.rest)))));
        }
        let sleep =
            this.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep(Duration::from_millis(100))));
        std::task::ready!(sleep.as_mut().poll(cx));
        this.sleep = None;
        Poll::Ready(Some(Ok(Frame::data(this.rest.split_to(1)))))
    }
}
