//! Two nodes behind the real HAProxy, with the configuration `maverics lb-gen` writes for it.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::alice;
use crate::cli::program;
use crate::support::browser::Browser;
use crate::support::fake_idp::oidc::{At, FakeIdp};
use crate::support::upstream::Upstream;
use crate::support::{Launch, Process, Scratch, Server, free_port, skip, until};

const BROWSERS: usize = 20;
const REQUESTS: usize = 50;

struct World {
    idp: FakeIdp,
    nodes: Vec<Server>,
    url: String,
    _balancer: Process,
    _upstream: Upstream,
    _scratch: Scratch,
}

fn start() -> Option<World> {
    let haproxy = ["/usr/sbin/haproxy", "/usr/local/sbin/haproxy", "haproxy"]
        .into_iter()
        .find(|path| Command::new(path).arg("-v").stdout(Stdio::null()).status().is_ok_and(|s| s.success()));
    let Some(haproxy) = haproxy else {
        skip("haproxy");
        return None;
    };
    let scratch = Scratch::new();
    let upstream = Upstream::start();
    let idp = FakeIdp::start(alice());
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}");
    let ports = [free_port(), free_port()];
    // One configuration for all nodes; each gets its own address.
    let yaml = format!(
        "version: '1'
http: {{trustedProxies: [127.0.0.1]}}
session: {{encryption: {{keys: {{current: {seal}}}}}}}
connectors:
{connector}apps:
  - name: page
    type: proxy
    routePatterns: [/app]
    upstream: {upstream}
    headers: [{{name: X-Email, value: '{{{{ idp.email }}}}'}}]
    policies: [{{location: /, authentication: {{idps: [idp]}}, authorization: {{allowAll: true}}}}]
",
        seal = "0123456789abcdef".repeat(4),
        connector = idp.connector("idp", &format!("{url}/callback")),
        upstream = upstream.url(),
    );
    let nodes: Vec<Server> = ports
        .iter()
        .zip(["n1", "n2"])
        .map(|(port, name)| {
            let address = format!("127.0.0.1:{port}");
            let arguments = ["--address", &address];
            Launch { name, arguments: &arguments, ..Launch::new(&scratch, &yaml, *port) }.start()
        })
        .collect();
    let file = scratch.write("fleet.yaml", &yaml);
    let instances = [format!("n1=127.0.0.1:{}", ports[0]), format!("n2=127.0.0.1:{}", ports[1])];
    let listen = format!("127.0.0.1:{port}");
    let arguments = [
        "lb-gen",
        "haproxy",
        file.to_str()?,
        "--instance",
        &instances[0],
        "--instance",
        &instances[1],
        "--listen",
        &listen,
    ];
    let output = program(&arguments).output().expect("lb-gen runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let config = scratch.write("haproxy.cfg", &String::from_utf8(output.stdout).expect("text"));
    let mut command = Command::new(haproxy);
    command.arg("-f").arg(config).arg("-db").stdin(Stdio::null()).stdout(Stdio::null());
    let mut balancer =
        Process::start("haproxy", command, scratch.path("haproxy.log")).expect("haproxy starts");
    until("both nodes to be used", Duration::from_secs(20), || {
        assert!(balancer.is_running(), "{}", balancer.log());
        Browser::new().try_get(&format!("{url}/status")).is_ok_and(|a| a.status == 200).then_some(())
    });
    Some(World { idp, nodes, url, _balancer: balancer, _upstream: upstream, _scratch: scratch })
}

/// Opens the page again and again in every browser; how often somebody had to sign in.
fn visit(world: &World, browsers: &mut [Browser]) -> usize {
    let before = world.idp.calls(At::Authorize);
    std::thread::scope(|scope| {
        for (i, browser) in browsers.iter_mut().enumerate() {
            scope.spawn(move || {
                for n in 0..REQUESTS {
                    let url = format!("{}/app/{i}/{n}", world.url);
                    let answer = browser.open(&url);
                    assert_eq!(
                        (answer.status, answer.url.as_str()),
                        (200, url.as_str()),
                        "{}",
                        answer.text()
                    );
                    assert_eq!(answer.json()["headers"]["x-email"], "alice@example.com");
                }
            });
        }
    });
    world.idp.calls(At::Authorize) - before
}

fn completed(node: &Server) -> usize {
    node.log().matches("event=login.completed").count()
}

#[test]
fn a_balancer_keeps_people_at_their_node_and_a_lost_node_costs_one_silent_sign_in() {
    let Some(mut world) = start() else { return };
    let mut browsers = vec![Browser::new(); BROWSERS];
    let sign_ins = visit(&world, &mut browsers);
    let by_node: Vec<usize> = world.nodes.iter().map(completed).collect();
    eprintln!("{BROWSERS} browsers, {REQUESTS} requests each: {sign_ins} sign-ins, by node {by_node:?}");
    assert_eq!(sign_ins, BROWSERS, "no session was lost");
    assert!(by_node.iter().all(|n| *n > 0), "both nodes serve: {by_node:?}");
    assert_eq!(visit(&world, &mut browsers), 0);
    // S11: one node dies; its people sign in once more, without being asked anything, at the other.
    world.nodes[0].process.kill();
    let again = visit(&world, &mut browsers);
    eprintln!("one node killed: {again} silent sign-ins, no error");
    assert_eq!(again, by_node[0], "only the lost node's people, and each of them once");
    assert_eq!(visit(&world, &mut browsers), 0);
}

#[test]
fn any_node_finishes_what_another_began() {
    let Some(world) = start() else { return };
    let callback = format!("{}/callback", world.url);
    for (one, other) in [(0, 1), (1, 0)] {
        // As the balancer would after a node is lost: begun at one, called back at the other.
        let mut browser = Browser::new().stop_at(&callback);
        let host = world.url.trim_start_matches("http://").to_owned();
        let at = |node: usize, url: &url::Url| {
            let mut url = url.clone();
            url.set_port(Some(world.nodes[node].address.port())).expect("a port");
            crate::support::browser::Request::get(url.as_str()).header("Host", &host)
        };
        let page = format!("{}/app/x", world.url).parse().expect("an address");
        let there = browser.send(&at(one, &page));
        assert_eq!(there.status, 303, "{}", there.text());
        let back = browser.follow(there).location().expect("a callback");
        let done = browser.send(&at(other, &back));
        assert_eq!((done.status, done.header("location")), (303, Some("/app/x")), "{}", done.text());
    }
}
