//! What a provider published, kept over a restart: people sign in while its documents cannot be fetched, and
//! nothing that somebody changed on the disk is ever believed.

use std::path::PathBuf;
use std::time::Duration;

use maverics::ambient::Clock;
use maverics::connector::documents::shelf::Shelf;
use maverics::value::Secret;
use serde_json::{Value, json};

use crate::support::browser::Browser;
use crate::support::fake_idp::oidc::{At, FakeIdp, Quirk};
use crate::support::{Launch, Scratch, Server, free_port, until};

const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const OLD_KEY: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

struct World {
    idp: FakeIdp,
    scratch: Scratch,
    port: u16,
    keys: String,
}

impl World {
    fn new(keys: &str) -> Self {
        let idp = FakeIdp::start(json!({"sub": "a1", "email": "alice@example.com"}));
        World { idp, scratch: Scratch::new(), port: free_port(), keys: keys.to_owned() }
    }

    fn start(&self) -> Server {
        let port = self.port;
        let yaml = format!(
            "version: '1'
http: {{address: '127.0.0.1:{port}'}}
{}connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: {}/.well-known/openid-configuration
    oauthClientID: orch
    oauthClientSecret: \"s3cret:of%orch+\"
    oauthRedirectURL: http://127.0.0.1:{port}/callback
apps:
  - name: page
    type: proxy
    routePatterns: [/app]
    upstream: http://127.0.0.1:9
    policies:
      - {{location: /, authentication: {{idps: [okta]}}, authorization: {{allowAll: true}}}}
",
            self.keys,
            self.idp.issuer(),
        );
        let state = self.scratch.path("state");
        let arguments = ["--state-dir", state.to_str().expect("UTF-8")];
        Launch { arguments: &arguments, ..Launch::new(&self.scratch, &yaml, port) }.start()
    }

    fn copy(&self) -> PathBuf {
        self.scratch.path("state/provider-okta.copy")
    }

    /// Signs a person in: 502 is the page behind, which is not there.
    fn sign_in(&self) -> u16 {
        Browser::new().open(&format!("http://127.0.0.1:{}/app/x", self.port)).status
    }

    /// Runs once with everything well, until there is a copy.
    fn run_once(&self) {
        let server = self.start();
        assert_eq!(self.sign_in(), 502, "{}", server.log());
        until("the copy", Duration::from_secs(10), || self.copy().exists().then_some(()));
    }

    /// Changes what is on the disk as whoever has the key could.
    fn resign(&self, change: impl FnOnce(&mut Value)) {
        let shelf =
            Shelf::open(&self.scratch.path("state"), &Secret::new(KEY.to_owned()), &[]).expect("a shelf");
        let content = shelf.get("okta").expect("a good copy").expect("a copy");
        let mut content: Value = serde_json::from_slice(&content).expect("JSON");
        change(&mut content);
        shelf.put("okta", content.to_string().as_bytes()).expect("written");
    }
}

fn keys(current: &str, old: &[&str]) -> String {
    format!("session: {{encryption: {{keys: {{current: '{current}', old: {old:?}}}}}}}\n")
}

#[test]
fn a_restart_in_an_outage_signs_people_in() {
    use std::os::unix::fs::PermissionsExt;
    let mut world = World::new(&keys(KEY, &[]));
    world.run_once();
    let mode = std::fs::metadata(world.copy()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let good = std::fs::read(world.copy()).unwrap();
    world.idp.misbehave(&[Quirk::Status(At::Discovery, 503), Quirk::Status(At::Keys, 503)]);
    {
        let server = world.start();
        assert_eq!(world.sign_in(), 502, "{}", server.log());
        server.wait_for_log(&["event=idp.metadata.restored", "connector=okta"]);
    }
    // Rotated keys: the old one still vouches for what it wrote.
    std::fs::write(world.copy(), &good).unwrap();
    world.keys = keys(OLD_KEY, &[KEY]);
    {
        let server = world.start();
        assert_eq!(world.sign_in(), 502, "{}", server.log());
    }
    world.keys = keys(KEY, &[]);
    std::fs::write(world.copy(), &good).unwrap();
    // Two hours old is past its freshness, and used with an event.
    let now = Clock::system().unix().0;
    let age = |secs: u64| {
        move |copy: &mut Value| {
            copy["documents"]["discovery"]["fetched"] = json!(now - secs);
            copy["documents"]["keys"]["fetched"] = json!(now - secs);
        }
    };
    world.resign(age(7200));
    {
        let server = world.start();
        assert_eq!(world.sign_in(), 502, "{}", server.log());
        for document in ["discovery", "keys"] {
            let document = format!("document={document}");
            server.wait_for_log(&[
                "event=idp.metadata.stale_used",
                "connector=okta",
                &document,
                "age_secs=72",
            ]);
        }
    }
    // What is not to be believed is not.
    let resigned = |change: &dyn Fn(&mut Value)| {
        std::fs::write(world.copy(), &good).unwrap();
        world.resign(change);
        std::fs::read(world.copy()).unwrap()
    };
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    for (what, bytes, reason) in [
        ("too old", resigned(&age(26 * 3600)), "too old"),
        (
            "from the future",
            resigned(&|copy| copy["documents"]["keys"]["fetched"] = json!(now + 3600)),
            "future",
        ),
        (
            "of another address",
            resigned(&|copy| copy["url"] = json!("https://evil.example")),
            "another address",
        ),
        ("of another form", resigned(&|copy| copy["documents"]["keys"] = json!(7)), "another form"),
        (
            "with a page for keys",
            resigned(&|copy| copy["documents"]["keys"]["body"] = json!("PGh0bWw+")),
            "not-json",
        ),
        ("changed", changed, "signature is wrong"),
        ("cut short", good[..good.len() / 2].to_vec(), "signature is wrong"),
        ("empty", Vec::new(), "not a file of ours"),
        (
            "too long",
            vec![b' '; maverics::connector::documents::shelf::COPY_BYTES_MAX as usize + 1],
            "cannot be read",
        ),
    ] {
        std::fs::write(world.copy(), bytes).unwrap();
        let server = world.start();
        let line = server.wait_for_log(&["event=idp.metadata.copy_ignored", "connector=okta"]);
        assert!(line.contains(reason), "{what}: {line}");
        assert_eq!(world.sign_in(), 503, "{what}: {}", server.log());
    }
}

#[test]
fn without_keys_nothing_is_kept_and_it_is_said() {
    let world = World::new("");
    let server = world.start();
    server.wait_for_log(&["event=start.warning", "--state-dir keeps nothing"]);
    assert_eq!(world.sign_in(), 502);
    assert!(!world.scratch.path("state").exists());
}
