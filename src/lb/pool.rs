//! What every target needs to know, in nobody's words: nodes, names, TLS, cookies, status, timeouts.
//!
//! Everything that ends up in a file is checked here, character by character, so that no name, host or path
//! can bring a line of its own; what remains is quoted by the target.

use crate::model::{App, Deployment};
use crate::value::NonEmpty;

/// Name of the affinity cookie, unless the user asks for another.
pub const AFFINITY_COOKIE: &str = "maverics_lb";
/// Least time for an answer of a node, in seconds: above the documented limits of the node itself.
const READ_SECS_MIN: u64 = 65;

/// What the command line says.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `NAME=HOST:PORT`.
    pub instances: Vec<String>,
    /// `HOST:PORT` where the balancer listens; every address without it, port 443, or 80 where people come over plain http.
    pub listen: Option<String>,
    /// Where TLS ends; by the deployment without it.
    pub tls: Option<Tls>,
    /// Public names; those of the deployment's URLs and routes without any.
    pub server_names: Vec<String>,
    /// Certificate of the balancer, as a path on its machine.
    pub certificate: Option<String>,
    /// Roots for the nodes' certificates, as a path on its machine; the system's without it.
    pub ca: Option<String>,
    /// Name in the nodes' certificates; the first public name without it.
    pub node_name: Option<String>,
    /// Name of the affinity cookie.
    pub affinity: Option<String>,
    /// Hides the status endpoint from the outside.
    pub status_internal: bool,
}

/// Where TLS ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// At the balancer; nodes are spoken to in plain HTTP.
    Terminate,
    /// At the node; the balancer sees bytes.
    Passthrough,
    /// At the balancer, which speaks TLS to the nodes.
    Reencrypt,
}

/// Neutral facts about a set of nodes and the balancer in front of them.
#[derive(Debug, Clone)]
pub struct Pool {
    /// The orchestrators.
    pub nodes: NonEmpty<Node>,
    /// Where the balancer listens.
    pub listen: Address,
    /// The balancer's side towards people.
    pub front: Front,
    /// Its side towards the nodes.
    pub back: Back,
    /// Public names; the first stands in health checks.
    pub server_names: NonEmpty<String>,
    /// The cookie the nodes write.
    pub session_cookie: Cookie,
    /// The cookie the balancer writes: another one.
    pub affinity_cookie: Cookie,
    /// Path of the status endpoint.
    pub status_path: String,
    /// Whether the status endpoint is hidden from the outside.
    pub status_internal: bool,
    /// How long things may take.
    pub timeouts: Timeouts,
    /// Whether the nodes believe forwarded headers of anybody.
    pub forwarded_headers_believed: bool,
}

/// One orchestrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Stable name; the affinity cookie names it.
    pub name: String,
    /// Where it listens.
    pub address: Address,
}

/// A host and a port; an empty host is every address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// Name, IPv4 address, or IPv6 address in brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// Towards people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Front {
    /// Plain HTTP: public URLs are http, on loopback.
    Plain,
    /// TLS ends here.
    Tls {
        /// Path of the certificate with its key.
        certificate: String,
    },
    /// Bytes go through.
    Passthrough,
}

/// Towards the nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Back {
    /// Plain HTTP.
    Plain,
    /// TLS, verified.
    Tls {
        /// Path of the roots; the system's without it.
        ca: Option<String>,
        /// Name in the nodes' certificates.
        name: String,
    },
}

/// A cookie's name and reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    /// Name.
    pub name: String,
    /// Domain without leading dot; the host alone without it.
    pub domain: Option<String>,
    /// `Secure; SameSite=None`; otherwise `SameSite=Lax`. A cookie that lacks it does not come along when
    /// another site posts to us, and the assertion of a SAML provider then reaches a node that did not ask.
    pub secure: bool,
}

impl Cookie {
    /// Value of `SameSite`.
    pub fn same_site(&self) -> &'static str {
        if self.secure { "None" } else { "Lax" }
    }
}

/// Seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To reach a node.
    pub connect_secs: u64,
    /// Until a node answers, and between pieces of an answer.
    pub read_secs: u64,
    /// Between two health checks.
    pub check_interval_secs: u64,
    /// Of one health check.
    pub check_secs: u64,
    /// Failed checks until a node is out.
    pub fall: u32,
    /// Good checks until it is in again.
    pub rise: u32,
    /// Requests in flight may finish for this long when a node or the balancer goes.
    pub drain_secs: u64,
}

impl Pool {
    /// From a deployment and the command line. The error lists everything that is wrong.
    pub fn new(deployment: &Deployment, options: &Options) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let nodes = nodes(&options.instances, &mut faults);
        let names = server_names(deployment, options, &mut faults);
        let sides = sides(deployment, options, names.first(), &mut faults);
        let plain = sides.as_ref().is_some_and(|(front, _)| *front == Front::Plain);
        let listen = options.listen.as_deref().unwrap_or(if plain { ":80" } else { ":443" });
        let listen = address(listen, true).map_err(|e| faults.push(format!("--listen: {e}"))).ok();
        let (session_cookie, affinity_cookie) = cookies(deployment, options, &mut faults);
        let status_path = deployment.health.location.clone();
        if !status_path.bytes().all(|b| b.is_ascii_graphic() && b != b'\'') {
            faults.push("`health.location` has characters that do not belong in a path".into());
        }
        let upstream = deployment.apps.iter().filter_map(|app| match app {
            App::Proxy(proxy) => Some(proxy.upstream_secs + 5),
            App::Oidc(_) => None,
        });
        let timeouts = Timeouts {
            connect_secs: 3,
            read_secs: upstream.max().unwrap_or_default().max(READ_SECS_MIN),
            // More eager checks take busy nodes out, and each time their people sign in again.
            check_interval_secs: 5,
            check_secs: 3,
            fall: 3,
            rise: 2,
            drain_secs: 300,
        };
        match (NonEmpty::new(nodes), listen, NonEmpty::new(names), sides) {
            (Some(nodes), Some(listen), Some(server_names), Some((front, back))) if faults.is_empty() => {
                Ok(Pool {
                    nodes,
                    listen,
                    front,
                    back,
                    server_names,
                    session_cookie,
                    affinity_cookie,
                    status_path,
                    status_internal: options.status_internal,
                    timeouts,
                    forwarded_headers_believed: !deployment.http.trusted_proxies.is_empty(),
                })
            }
            _ => Err(faults),
        }
    }

    /// The name that health checks ask for.
    pub fn status_host(&self) -> &str {
        self.server_names.first()
    }
}

fn nodes(instances: &[String], faults: &mut Vec<String>) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    if instances.is_empty() {
        faults.push("no instance is given: add `--instance NAME=HOST:PORT` for each node".into());
    }
    for text in instances {
        let parsed =
            text.split_once('=').ok_or("write it as NAME=HOST:PORT".to_owned()).and_then(|(name, rest)| {
                // A name is a cookie value and a word of every configuration language.
                let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
                if name.is_empty() || name.len() > 64 || !name.chars().all(fits) {
                    return Err("a name has letters, digits and . _ -".to_owned());
                }
                Ok(Node { name: name.to_owned(), address: address(rest, false)? })
            });
        match parsed {
            Err(fault) => faults.push(format!("--instance {}: {fault}", text.escape_debug())),
            Ok(node) if nodes.iter().any(|have| have.name == node.name) => {
                faults.push(format!("two instances are called `{}`", node.name));
            }
            Ok(node) if nodes.iter().any(|have| have.address == node.address) => {
                faults.push(format!("two instances listen on {text}"));
            }
            Ok(node) => nodes.push(node),
        }
    }
    nodes
}

/// Reads `HOST:PORT`. Where we listen the host may be empty or `*`.
fn address(text: &str, listening: bool) -> Result<Address, String> {
    let (host, port) = text.rsplit_once(':').ok_or("write it as HOST:PORT")?;
    let port = port.parse().ok().filter(|port| *port > 0).ok_or("the port is a number from 1 to 65535")?;
    let host = if listening && host == "*" { "" } else { host };
    let is_v6 = |h: &str| {
        h.strip_prefix('[')
            .and_then(|h| h.strip_suffix(']'))
            .is_some_and(|h| h.parse::<std::net::Ipv6Addr>().is_ok())
    };
    match host.is_empty() {
        true if listening => {}
        false if is_v6(host) || is_host_name(host) => {}
        _ => return Err("the host is a name, an IPv4 address, or an IPv6 address in brackets".into()),
    }
    Ok(Address { host: host.to_ascii_lowercase(), port })
}

/// Letters, digits, hyphens and dots (RFC 1123), which IPv4 addresses satisfy too.
fn is_host_name(text: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

fn server_names(deployment: &Deployment, options: &Options, faults: &mut Vec<String>) -> Vec<String> {
    let mut names = options.server_names.clone();
    if names.is_empty() {
        names.extend(deployment.public_urls().iter().map(|url| url.host().to_owned()));
        let routes = deployment.apps.iter().flat_map(|app| match app {
            App::Proxy(proxy) => proxy.routes.iter().filter_map(|route| route.host.clone()).collect(),
            App::Oidc(_) => Vec::new(),
        });
        names.extend(routes.map(|host| host.split(':').next().unwrap_or_default().to_owned()));
    }
    let mut out: Vec<String> = Vec::new();
    for name in names.iter().map(|name| name.to_ascii_lowercase()) {
        if !is_host_name(&name) {
            faults.push(format!("`{}` is not a host name", name.escape_debug()));
        } else if !out.contains(&name) {
            out.push(name);
        }
    }
    if names.is_empty() {
        faults.push("nothing in the configuration says the public name: add `--server-name`".into());
    }
    out
}

fn cookies(deployment: &Deployment, options: &Options, faults: &mut Vec<String>) -> (Cookie, Cookie) {
    let secure = deployment.cookies_are_secure();
    let written = &deployment.session.cookie;
    // Same reach as the session: a host-only affinity cookie gives the second host of one session another node.
    let domain = written.domain.as_ref().map(|domain| domain.trim_start_matches('.').to_ascii_lowercase());
    let session = Cookie { name: written.name.clone(), domain, secure };
    let name = options.affinity.clone().unwrap_or_else(|| AFFINITY_COOKIE.to_owned());
    let affinity = Cookie { name, ..session.clone() };
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+.^_`|~-".contains(c);
    // Of RFC 6265's characters, only those that mean nothing in any configuration language.
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !session.name.chars().all(token)
        || session.domain.as_deref().is_some_and(|domain| !is_host_name(domain))
    {
        faults.push("`session.cookie` has a name or a domain that no cookie can have".into());
    }
    if affinity.name.is_empty() || !affinity.name.chars().all(fits) {
        faults.push("--affinity: a cookie name has letters, digits and . _ - here".into());
    }
    if affinity.name == session.name {
        faults.push(format!(
            "the affinity cookie and the session cookie are both called `{}`: the balancer would overwrite every session, and nobody could sign in; choose another `--affinity`",
            session.name
        ));
    }
    if affinity.name.starts_with("__Host-") && (affinity.domain.is_some() || !secure) {
        faults.push(
            "--affinity: a `__Host-` cookie is Secure and has no Domain, and the session cookie is not so"
                .into(),
        );
    }
    if affinity.name.starts_with("__Secure-") && !secure {
        faults.push("--affinity: a `__Secure-` cookie needs https".into());
    }
    (session, affinity)
}

fn sides(
    deployment: &Deployment,
    options: &Options,
    first_name: Option<&String>,
    faults: &mut Vec<String>,
) -> Option<(Front, Back)> {
    let node_has_tls = deployment.http.tls.is_some() || deployment.http.hosts.is_some();
    let before = faults.len();
    for (key, path) in [("--cert", &options.certificate), ("--ca", &options.ca)] {
        if path
            .as_ref()
            .is_some_and(|path| path.is_empty() || path.chars().any(|c| c.is_control() || c == '\''))
        {
            faults.push(format!("{key}: not a path that fits into a configuration"));
        }
    }
    if options.node_name.as_ref().is_some_and(|name| !is_host_name(name)) {
        faults.push("--node-name: not a host name".into());
    }
    let tls = options.tls.unwrap_or(if node_has_tls { Tls::Reencrypt } else { Tls::Terminate });
    match (tls, node_has_tls) {
        (Tls::Terminate, true) => faults
            .push("the nodes speak TLS (`http.tls`): use `--tls reencrypt`, or `--tls passthrough`".into()),
        (Tls::Passthrough | Tls::Reencrypt, false) => {
            faults.push("the nodes speak plain HTTP (there is no `http.tls`): use `--tls terminate`".into());
        }
        _ => {}
    }
    let public_tls = deployment.public_urls().iter().any(crate::value::WebUrl::is_https);
    let front = match (tls, &options.certificate) {
        (Tls::Passthrough, _) => Front::Passthrough,
        (_, Some(certificate)) => Front::Tls { certificate: certificate.clone() },
        (_, None) if deployment.cookies_are_secure() || public_tls => {
            faults.push(
                "people come over https, so the balancer needs a certificate: add `--cert PATH`".into(),
            );
            Front::Plain
        }
        (_, None) if options.tls == Some(Tls::Terminate) => {
            faults.push(
                "`--tls terminate` ends TLS at the balancer, which needs a certificate: add `--cert PATH`"
                    .into(),
            );
            Front::Plain
        }
        (_, None) => Front::Plain,
    };
    let back = match tls {
        Tls::Terminate => Back::Plain,
        Tls::Passthrough | Tls::Reencrypt => {
            Back::Tls { ca: options.ca.clone(), name: options.node_name.as_ref().or(first_name)?.clone() }
        }
    };
    (faults.len() == before).then_some((front, back))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Sources;
    use crate::model::read::{ReadOptions, read};

    fn pool(text: &str, options: &Options) -> Result<Pool, Vec<String>> {
        let reading = read("t.yaml", text, &mut Sources::default(), &ReadOptions::default());
        Pool::new(&reading.deployment.unwrap_or_else(|| panic!("{:?}", reading.findings)), options)
    }

    fn options(instances: &[&str]) -> Options {
        Options {
            instances: instances.iter().map(|i| (*i).to_owned()).collect(),
            server_names: vec!["app.example.com".into()],
            certificate: Some("/etc/cert.pem".into()),
            ..Options::default()
        }
    }

    #[test]
    fn nothing_can_bring_a_line_of_its_own() {
        for bad in [
            "a",
            "a=b",
            "a=b:0",
            "a=b:70000",
            "a b=h:1",
            "a=h\n:1",
            "a=h x:1",
            "a=\"h\":1",
            "a=:1",
            "a=[::x]:1",
        ] {
            assert!(pool("version: '1'", &options(&[bad])).is_err(), "{bad}");
        }
        for good in ["a=h:1", "node-1.x=10.0.0.1:9443", "b=[::1]:80"] {
            pool("version: '1'", &options(&[good])).unwrap_or_else(|e| panic!("{good}: {e:?}"));
        }
        let faults = pool("version: '1'", &options(&["a=h:1", "a=i:1", "b=h:1"])).unwrap_err();
        assert_eq!(faults.len(), 2, "{faults:?}");
        let quoted = Options { certificate: Some("/x'\n/y".into()), ..options(&["a=h:1"]) };
        assert!(pool("version: '1'", &quoted).is_err());
    }

    #[test]
    fn the_affinity_cookie_follows_the_session_cookie_and_is_another() {
        let text = "version: '1'\nsession: {cookie: {name: sid, domain: .Example.com}}";
        let pool_of =
            |affinity: &str| pool(text, &Options { affinity: Some(affinity.into()), ..options(&["a=h:1"]) });
        assert!(pool_of("sid").unwrap_err()[0].contains("nobody could sign in"));
        assert!(pool_of("x; y").is_err() && pool_of("__Host-x").is_err());
        let https = "\nconnectors: [{name: p, type: oidc, oauthClientID: x, oauthRedirectURL: https://a.example.com/cb, oidcWellKnownURL: https://p.example.com/.well-known/openid-configuration}]";
        let found = pool(&format!("{text}{https}"), &options(&["a=h:1"])).unwrap().affinity_cookie;
        assert_eq!(
            found,
            Cookie { name: "maverics_lb".into(), domain: Some("example.com".into()), secure: true }
        );
        assert_eq!(found.same_site(), "None");
    }

    #[test]
    fn tls_ends_where_it_can() {
        let with_tls = "version: '1'\ntls: {t: {certFile: c.pem, keyFile: k.pem}}\nhttp: {tls: t}";
        let asked = |tls| Options { tls: Some(tls), ..options(&["a=h:1"]) };
        assert!(pool(with_tls, &asked(Tls::Terminate)).is_err());
        assert!(pool("version: '1'", &asked(Tls::Reencrypt)).is_err());
        assert_eq!(pool(with_tls, &asked(Tls::Passthrough)).unwrap().front, Front::Passthrough);
        let default = pool(with_tls, &options(&["a=h:1"])).unwrap();
        assert_eq!(default.back, Back::Tls { ca: None, name: "app.example.com".into() });
    }
}
