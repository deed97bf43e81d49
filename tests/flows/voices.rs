//! A sign-in speaks for the connector it came through, and for no other.

use crate::cli::Transcript;
use crate::support::browser::Browser;
use crate::support::upstream::Upstream;
use crate::support::{Launch, Scratch, free_port};

/// One provider alone for one app, and as a member of a continuity connector for another. Somebody who signed
/// in for the first is a stranger to the second: he has neither its attributes nor its subject, and rules that
/// say "not a contractor" would let anybody pass.
#[test]
fn a_member_alone_does_not_speak_for_the_continuity_connector() {
    let scratch = Scratch::new();
    let upstream = Upstream::start();
    let hash = Transcript::fed(&["hash-password"], "correct horse\n").stdout.trim().to_owned();
    let people = format!(
        "users:\n- {{username: Carl, passwordHash: '{hash}', attributes: {{kind: contractor, mail: carl@example.com}}}}\n"
    );
    scratch.write_private("people.yaml", &people);
    let port = free_port();
    let yaml = format!(
        "version: '1'
http: {{address: '127.0.0.1:{port}'}}
connectors:
  - {{name: people, type: local, usersFile: people.yaml}}
  - {{name: others, type: local, usersFile: people.yaml, loginURL: /.other-login}}
  - name: ha
    type: continuity
    failover: {{idps: [people, others]}}
    attributes:
      - {{name: type, mapping: {{people: kind, others: kind}}}}
      - {{name: email, mapping: {{people: mail, others: mail}}}}
apps:
  - name: alone
    type: proxy
    routePatterns: [/alone]
    upstream: {url}
    policies:
      - {{location: /, authentication: {{idps: [people]}}, authorization: {{allowAll: true}}}}
  - name: staff
    type: proxy
    routePatterns: [/staff]
    upstream: {url}
    headers: [{{name: X-Email, value: '{{{{ ha.email }}}}'}}]
    policies:
      - location: /
        authentication: {{idps: [ha]}}
        authorization: {{rules: [{{notEquals: ['{{{{ ha.type }}}}', contractor]}}]}}
  - name: shop
    type: proxy
    routePatterns: [/shop]
    upstream: {url}
    headers: [{{name: X-Email, value: '{{{{ ha.email }}}}'}}]
    policies:
      - {{location: /, authentication: {{idps: [ha]}}, authorization: {{allowAll: true}}}}
",
        url = upstream.url()
    );
    let server = Launch::new(&scratch, &yaml, port).start();
    let mut browser = Browser::new();
    let sign_in = |browser: &mut Browser, path: &str| {
        let page = browser.open(&format!("{}{path}", server.url));
        assert_eq!((page.status, page.forms().len()), (200, 1), "{path} asks who it is: {}", page.text());
        browser.submit(&page, &[("username", "Carl"), ("password", "correct horse")])
    };
    assert_eq!(sign_in(&mut browser, "/alone").status, 200);
    let refused = sign_in(&mut browser, "/staff");
    assert_eq!(refused.status, 403, "a contractor stays one: {}", refused.text());
    let shop = browser.open(&format!("{}/shop", server.url)).json();
    assert_eq!(shop["headers"]["x-email"], "carl@example.com");
    assert_eq!(browser.open(&format!("{}/alone", server.url)).status, 200, "and is still known where he was");
}
