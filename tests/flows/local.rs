//! `type: local`: the password page, and what it does not tell.

use std::time::Duration;

use crate::cli::Transcript;
use crate::support::browser::{Answer, Browser, Request};
use crate::support::upstream::Upstream;
use crate::support::{Launch, Scratch, Server, free_port, until};

struct World {
    upstream: Upstream,
    server: Server,
    scratch: Scratch,
}

fn hash(password: &str) -> String {
    Transcript::fed(&["hash-password"], &format!("{password}\n")).stdout.trim().to_owned()
}

fn people(hash: &str, more: &str) -> String {
    format!(
        "users:
- {{username: Alice, passwordHash: '{hash}', attributes: {{email: alice@example.com}}}}
- {{username: gone, passwordHash: '{hash}', disabled: true}}
{more}"
    )
}

fn start() -> World {
    let scratch = Scratch::new();
    let upstream = Upstream::start();
    scratch.write_private("people.yaml", &people(&hash("correct horse"), ""));
    let port = free_port();
    let yaml = format!(
        "version: '1'
http: {{address: '127.0.0.1:{port}'}}
connectors:
  - {{name: people, type: local, usersFile: people.yaml}}
apps:
  - name: page
    type: proxy
    routePatterns: [/app]
    upstream: {}
    headers: [{{name: X-Email, value: '{{{{ people.email }}}}'}}, {{name: X-User, value: '{{{{ people.username }}}}'}}]
    policies:
      - {{location: /, authentication: {{idps: [people]}}, authorization: {{allowAll: true}}}}
",
        upstream.url()
    );
    let server = Launch::new(&scratch, &yaml, port).start();
    World { upstream, server, scratch }
}

impl World {
    fn app(&self) -> String {
        format!("{}/app/x?y=%20z", self.server.url)
    }

    /// The password page, in a browser of its own.
    fn page(&self) -> (Browser, Answer) {
        let mut browser = Browser::new();
        let page = browser.open(&self.app());
        assert_eq!((page.status, page.forms().len()), (200, 1), "{}", page.text());
        (browser, page)
    }

    fn try_to_sign_in(&self, username: &str, password: &str) -> Answer {
        let (mut browser, page) = self.page();
        browser.submit(&page, &[("username", username), ("password", password)])
    }
}

#[test]
fn the_right_password_opens_the_page_first_asked_for() {
    let world = start();
    let (mut browser, page) = world.page();
    let csp = page.header("content-security-policy").unwrap();
    assert!(csp.contains("frame-ancestors 'none'"), "{csp}");
    let wrong = browser.submit(&page, &[("username", "alice"), ("password", "wrong")]);
    assert_eq!(wrong.status, 401);
    // The same page goes on: a typing mistake does not cost the way back.
    let end = browser.submit(&wrong, &[("username", "aLICE"), ("password", "correct horse")]);
    assert_eq!((end.status, end.url.as_str()), (200, world.app().as_str()));
    let seen = end.json();
    assert_eq!(
        (&seen["headers"]["x-email"], &seen["headers"]["x-user"]),
        (&"alice@example.com".into(), &"Alice".into())
    );
    // The page of a sign-in that is over opens nothing any more.
    let again = browser.submit_only(&wrong, &[("username", "alice"), ("password", "correct horse")]);
    assert_eq!(again.status, 400);
    assert_eq!(browser.get(&world.app()).status, 200);
    let log = world.server.log();
    assert!(!log.contains("correct horse") && !log.contains("argon2id"), "no password, no hash in the log");
}

#[test]
fn nobody_learns_who_exists() {
    let world = start();
    let table = [
        ("wrong password", "Alice", "wrong"),
        ("unknown user", "nobody", "wrong"),
        ("disabled user, right password", "gone", "correct horse"),
        ("disabled user, wrong password", "gone", "wrong"),
        ("no password", "Alice", ""),
        ("no user", "", "correct horse"),
        ("a long password", "Alice", &"x".repeat(2000)),
        ("a name with markup", "<b>\"Alice", "wrong"),
    ];
    let mut seen: Option<(u16, String)> = None;
    for (what, username, password) in table {
        let (mut browser, page) = world.page();
        let answer = browser.submit(&page, &[("username", username), ("password", password)]);
        let shown = answer.forms()[0].fields.clone();
        assert!(shown.contains(&("username".into(), username.into())), "{what}: {shown:?}");
        assert!(!answer.text().contains("<b>"), "{what}");
        // Everything but the echoed name and the id of this sign-in.
        let state = shown.iter().find(|(n, _)| n == "state").map(|(_, v)| v.clone()).unwrap();
        let body = answer.text().replace(&state, "STATE");
        let from = body.find("<input id=\"username\"").unwrap();
        let to = from + body[from..].find('>').unwrap();
        let body = format!("{}{}", &body[..from], &body[to..]);
        // The field the cursor is in depends on whether a name was typed.
        let body = body.replace(" autofocus", "");
        match &seen {
            None => seen = Some((answer.status, body)),
            Some(first) => assert_eq!((answer.status, &body), (first.0, &first.1), "{what}"),
        }
        assert_eq!(
            browser.cookie_names().iter().filter(|n| !n.starts_with("maverics_tx")).count(),
            0,
            "{what}"
        );
    }
    assert_eq!(seen.unwrap().0, 401);
    assert_eq!(world.upstream.hits(), 0);
}

#[test]
fn guessing_becomes_slow_for_everybody_alike() {
    let world = start();
    for username in ["Alice", "nobody"] {
        for i in 0..5 {
            assert_eq!(world.try_to_sign_in(username, "guess").status, 401, "{username} {i}");
        }
        let slowed = world.try_to_sign_in(username, "correct horse");
        assert_eq!(slowed.status, 429, "{username}");
        assert!(
            slowed
                .header("retry-after")
                .is_some_and(|v| v.parse::<u64>().is_ok_and(|s| (1..=60).contains(&s)))
        );
    }
    // Never for good.
    let end = until("the wait to be over", Duration::from_secs(10), || {
        let answer = world.try_to_sign_in("Alice", "correct horse");
        (answer.status != 429).then_some(answer)
    });
    assert_eq!(end.status, 200, "{}", end.text());
}

#[test]
fn only_the_page_of_this_browser_is_taken() {
    let world = start();
    let right = [("username", "Alice"), ("password", "correct horse")];
    let (browser, page) = world.page();
    let nobody_in = |browser: &Browser, answer: &Answer, what: &str| {
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        assert!(browser.cookie_names().iter().all(|n| n.starts_with("maverics_tx")), "{what}");
    };
    // Without the cookie of the sign-in.
    let mut bare = Browser::new();
    let answer = bare.submit(&page, &right);
    nobody_in(&bare, &answer, "no cookie");
    // With another browser's page (login CSRF).
    let (mut other, _) = world.page();
    let answer = other.submit(&page, &right);
    nobody_in(&other, &answer, "another browser's state");
    // From another site: the cookie stays at home; and even where it does not, Origin tells.
    let form = &page.forms()[0];
    let mut fields: Vec<(&str, &str)> = form.fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    fields.retain(|(n, _)| *n == "state");
    fields.extend(right);
    let url = page.url.join(&form.action).unwrap();
    let mut cross = browser.clone();
    let answer = cross.send(&Request::form(url.as_str(), &fields).cross_site());
    nobody_in(&cross, &answer, "cross-site");
    let mut foreign = browser.clone();
    let answer = foreign.send(&Request::form(url.as_str(), &fields).header("Origin", "https://evil.example"));
    nobody_in(&foreign, &answer, "another origin");
    // The password is only read from a form.
    let query = crate::support::browser::encode(&fields);
    let answer = browser.clone().get(&format!("{url}?{query}"));
    assert_eq!((answer.status, answer.forms().len()), (200, 1), "still the page, nobody signed in");
    // And the real one still works.
    let mut browser = browser;
    assert_eq!(browser.submit(&page, &right).status, 200);
}

#[test]
fn the_file_is_read_again_when_it_changes() {
    let world = start();
    let file = world.scratch.path("people.yaml");
    let replace = |text: &str| {
        let new = world.scratch.write_private("people.new", text);
        std::fs::rename(new, &file).expect("the file is replaced");
    };
    assert_eq!(world.try_to_sign_in("bob", "battery staple").status, 401);
    let bob = format!("- {{username: bob, passwordHash: '{}'}}\n", hash("battery staple"));
    replace(&people(&hash("correct horse"), &bob));
    assert_eq!(world.try_to_sign_in("bob", "battery staple").status, 200);
    // A file that cannot be used leaves the people as they were, and is told.
    replace("users: [{username: mallory, passwordHash: plain}]");
    assert_eq!(world.try_to_sign_in("bob", "battery staple").status, 200);
    assert_eq!(world.try_to_sign_in("mallory", "plain").status, 401);
    world.server.wait_for_log(&["level=error", "users file"]);
    // Disabling somebody is enough.
    replace(&people(
        &hash("correct horse"),
        &bob.replace("username: bob,", "username: bob, disabled: true,"),
    ));
    assert_eq!(world.try_to_sign_in("bob", "battery staple").status, 401);
    // No file, no sign-in: the page says so instead of letting anybody in.
    std::fs::remove_file(&file).expect("the file goes");
    let answer = Browser::new().open(&world.app());
    assert_eq!(answer.status, 503, "{}", answer.text());
}
