//! The admin listener of the running program: who may come in, what it tells, and that it agrees with `probe`.

mod events;
mod faults;
mod guard;
mod metrics;
mod page;
mod report;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::browser::{Answer, Browser, Request};
use crate::support::fake_idp::oidc::FakeIdp;
use crate::support::{Launch, Scratch, Server, free_port, until};

/// Longest wait for a state that the orchestrator comes to by itself. Never reached, unless it does not.
const PATIENCE: Duration = Duration::from_secs(60);
/// A label that would be a script if it were not escaped.
const HOSTILE: &str = "<script>alert(1)</script>\"'&";

/// Two providers behind one continuity connector, a page of our own to sign in to, and the admin listener.
struct World {
    strong: FakeIdp,
    weak: FakeIdp,
    server: Server,
    admin: String,
    token_file: PathBuf,
    _page: crate::support::upstream::Upstream,
    _scratch: Scratch,
}

impl World {
    fn start() -> Self {
        let world = World::with(str::to_owned);
        world.wait_for("strong", "healthy");
        world.wait_for("weak", "healthy");
        world
    }

    /// With another configuration, before anything is known of the providers.
    fn with(change: impl FnOnce(&str) -> String) -> Self {
        let scratch = Scratch::new();
        let person = json!({"sub": "a1", "email": "alice@example.com", "email_verified": true});
        let (strong, weak) = (FakeIdp::start(person.clone()), FakeIdp::start(person));
        let page = crate::support::upstream::Upstream::start();
        let (port, admin) = (free_port(), free_port());
        let callback = format!("http://127.0.0.1:{port}/callback");
        let yaml = format!(
            "version: {}
http: {{address: '127.0.0.1:{port}'}}
connectors:
{}{}  - {{name: people, type: continuity, failover: {{idps: [strong, weak]}}}}
apps:
  - name: page
    type: proxy
    routePatterns: [/app]
    upstream: http://{}
    policies:
      - {{location: /, authentication: {{idps: [people]}}, authorization: {{allowAll: true}}}}
",
            json!(HOSTILE),
            strong.connector("strong", &callback),
            weak.connector("weak", &callback),
            page.address,
        );
        let yaml = change(&yaml);
        let token_file = scratch.path("admin.token");
        let address = format!("127.0.0.1:{admin}");
        let mut launch = Launch::new(&scratch, &yaml, port);
        let file = token_file.to_str().expect("UTF-8");
        let arguments = ["--admin", &address, "--admin-token-file", file];
        launch.arguments = &arguments;
        let server = launch.start();
        World {
            strong,
            weak,
            server,
            admin: format!("http://{address}"),
            token_file,
            _page: page,
            _scratch: scratch,
        }
    }

    fn get(&self, path: &str) -> Answer {
        Browser::new().get(&format!("{}{path}", self.admin))
    }

    #[track_caller]
    fn json(&self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    fn token(&self) -> String {
        std::fs::read_to_string(&self.token_file).expect("the token").trim().to_owned()
    }

    /// An action, as the page's form sends it.
    fn act(&self, action: &str, fields: &[(&str, &str)]) -> Answer {
        let request = Request::form(&format!("{}/actions/{action}", self.admin), fields);
        Browser::new().send(&request.header("Origin", &self.admin).header("Accept", "application/json"))
    }

    #[track_caller]
    fn wait_for(&self, provider: &str, standing: &str) {
        until(&format!("{provider} to be {standing}"), PATIENCE, || {
            let status = self.json("/api/status");
            let found = status["providers"].as_array()?.iter().find(|p| p["name"] == provider)?.clone();
            (found["standing"] == standing && found["available"] == (standing == "healthy")).then_some(())
        });
    }

    /// Signs a person in; the cookie value of the session.
    #[track_caller]
    fn sign_in(&self) -> String {
        let mut browser = Browser::new();
        let answer = browser.open(&format!("{}/app/x", self.server.url));
        assert_eq!(answer.status, 200, "{}", answer.text());
        browser.cookie("maverics_session").expect("a session").to_owned()
    }
}

/// What does not fit a schema that the program prints.
#[track_caller]
fn fits(schema: &str, value: &Value) {
    let text = crate::cli::Transcript::of(&["schema", schema]).stdout;
    let schema: Value = serde_json::from_str(&text).expect("a schema");
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    let faults: Vec<String> = validator.iter_errors(value).map(|e| e.to_string()).collect();
    assert_eq!(faults, [""; 0], "{value:#}");
    // And nothing beside what it names: what is not described is not promised.
    let known = schema["properties"].as_object().expect("properties");
    let beside: Vec<&String> = value
        .as_object()
        .into_iter()
        .flat_map(|v| v.keys())
        .filter(|key| !known.contains_key(*key))
        .collect();
    assert!(beside.is_empty(), "{beside:?}");
}
