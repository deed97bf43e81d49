//! TLS on both sides: the listener with its protocols and cookies, and the way to the application.

use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::alice;
use crate::support::browser::Browser;
use crate::support::fake_idp::oidc::FakeIdp;
use crate::support::upstream::Upstream;
use crate::support::{Launch, Scratch, Server, free_port};

/// An authority of our own, and what it signed.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Authority { issuer: Issuer::new(params, key), pem }
    }

    /// Certificate and key for some names, as PEM.
    pub fn sign(&self, names: &[&str]) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        let params = CertificateParams::new(names).expect("parameters");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    pub fn client(&self, protocols: &[&[u8]]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).expect("PEM")).expect("a root");
        let mut config =
            ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("versions")
                .with_root_certificates(roots)
                .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
        Arc::new(config)
    }

    pub fn server(&self, names: &[&str]) -> Arc<ServerConfig> {
        let (certificate, key) = self.sign(names);
        let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM");
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
        let config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("versions")
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)
                .expect("a certificate with its key");
        Arc::new(config)
    }
}

struct World {
    authority: Authority,
    server: Server,
    _idp: FakeIdp,
    _upstreams: [Upstream; 2],
    _scratch: Scratch,
}

fn start() -> World {
    let scratch = Scratch::new();
    let authority = Authority::new();
    let (certificate, key) = authority.sign(&["127.0.0.1", "localhost"]);
    scratch.write("server.crt", &certificate);
    scratch.write_private("server.key", &key);
    scratch.write("ca.pem", &authority.pem);
    scratch.write("other-ca.pem", &Authority::new().pem);
    let upstream = Upstream::with(Some(authority.server(&["127.0.0.1"])));
    let misnamed = Upstream::with(Some(authority.server(&["other.example"])));
    let idp = FakeIdp::start(alice());
    let port = free_port();
    let app = |name: &str, path: &str, tls: &str, upstream: &Upstream| {
        format!(
            "  - name: {name}
    type: proxy
    routePatterns: [{path}]
    upstream: https://{}
    {tls}
    headers: [{{name: X-Email, value: '{{{{ idp.email }}}}'}}]
    policies: [{{location: /, authentication: {{idps: [idp]}}, authorization: {{allowAll: true}}}}]
",
            upstream.address
        )
    };
    let yaml = format!(
        "version: '1'
http: {{address: '127.0.0.1:{port}', tls: server}}
tls:
  server: {{certFile: server.crt, keyFile: server.key}}
  ours: {{caFile: ca.pem}}
  wrong: {{caFile: other-ca.pem}}
connectors:
{connector}apps:
{good}{wrong}{system}{name}",
        connector = idp.connector("idp", &format!("https://127.0.0.1:{port}/callback")),
        good = app("good", "/app", "tls: ours", &upstream),
        wrong = app("wrong-ca", "/wrong", "tls: wrong", &upstream),
        system = app("system-roots", "/system", "maxBodyBytes: 1", &upstream),
        name = app("wrong-name", "/name", "tls: ours", &misnamed),
    );
    let server = Launch { tls: true, ..Launch::new(&scratch, &yaml, port) }.start();
    World { authority, server, _idp: idp, _upstreams: [upstream, misnamed], _scratch: scratch }
}

#[test]
fn people_sign_in_over_tls_and_so_do_we() {
    let world = start();
    let mut browser = Browser::with_tls(world.authority.client(&[b"http/1.1"]));
    let url = format!("{}/app/x", world.server.url);
    let there = browser.get(&url);
    for (name, _, line) in there.cookies() {
        assert!(
            line.contains("; Secure") && line.contains("; SameSite=None") && line.contains("; HttpOnly"),
            "{name}: {line}"
        );
    }
    let end = browser.follow(there);
    assert_eq!((end.status, end.url.as_str()), (200, url.as_str()), "{}", end.text());
    assert_eq!(end.json()["headers"]["x-email"], "alice@example.com");
    assert_eq!(end.json()["headers"]["x-forwarded-proto"], "https");
    assert!(browser.cookie("maverics_session").is_some());
    // CR20: a chain or a name that does not fit is no connection.
    for path in ["/wrong", "/system", "/name"] {
        let answer = browser.get(&format!("{}{path}", world.server.url));
        assert_eq!(answer.status, 502, "{path}: {}", answer.text());
    }
    world.server.wait_for_log(&["event=proxy.upstream.failed", "app=wrong-ca"]);
    // Plain HTTP at the TLS port is not answered.
    let plain = world.server.url.replace("https:", "http:");
    assert!(Browser::new().try_get(&plain).is_err());
    // A browser with other roots does not connect.
    let mut stranger = Browser::with_tls(Authority::new().client(&[b"http/1.1"]));
    assert!(stranger.try_get(&url).is_err());
}

#[test]
fn both_versions_of_http_are_spoken() {
    let world = start();
    let config = world.authority.client(&[b"h2", b"http/1.1"]);
    let address = world.server.address;
    let runtime = crate::support::fake_idp::runtime();
    runtime.block_on(async move {
        let stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
        let name = ServerName::try_from("127.0.0.1").expect("a name");
        let stream = tokio_rustls::TlsConnector::from(config).connect(name, stream).await.expect("TLS");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .expect("HTTP/2");
        tokio::spawn(connection);
        // Many at once over one connection: the status, a redirect to sign in, a refusal.
        for (path, status) in
            [("/status", 200), ("/app/x", 303), ("/nothing", 404), ("/app/..%2f", 400), ("/status", 200)]
        {
            let request = http::Request::get(format!("https://{address}{path}"))
                .body(Empty::<Bytes>::new())
                .expect("a request");
            let response = sender.send_request(request).await.expect("an answer");
            assert_eq!(response.status(), status, "{path}");
            response.into_body().collect().await.expect("a body");
        }
    });
    let mut browser = Browser::with_tls(world.authority.client(&[]));
    assert_eq!(
        browser.get(&format!("{}/status", world.server.url)).status,
        200,
        "without ALPN it is HTTP/1.1"
    );
}

#[test]
fn old_versions_are_not_spoken() {
    let world = start();
    // rustls speaks nothing below 1.2 itself, so the hello is written by hand: TLS 1.0 with one old suite.
    let body = [&[3, 1][..], &[0; 32], &[0], &[0, 2, 0x00, 0x2f], &[1, 0]].concat();
    let hello = [&[1, 0, 0, body.len() as u8][..], &body].concat();
    let record = [&[0x16, 3, 1, 0, hello.len() as u8][..], &hello].concat();
    let outcome = crate::support::raw::exchange(world.server.address, &record);
    assert!(outcome.closed, "{outcome:?}");
    assert!(outcome.text.as_bytes().first() != Some(&0x16), "no server hello (CR19)");
}
