//! Our OpenID provider, as relying parties meet it: the code flow, its refusals, the documents.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::{Auth, RETURN, Rp, alice, is_page_of_ours};
use crate::support::browser::{Answer, Browser, Request, encode};
use crate::support::fake_idp::oidc::{At, FakeIdp};
use crate::support::{Launch, Scratch, Server, free_port};

/// Everything a secret may have that HTTP gives a meaning to.
const SECRET: &str = "s:e%c+r e&t=é";

struct World {
    idp: FakeIdp,
    server: Server,
    _scratch: Scratch,
}

impl World {
    fn start() -> Self {
        let scratch = Scratch::new();
        scratch.write_signing_key();
        let idp = FakeIdp::start(alice());
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let app = |id: &str, rest: &str| {
            format!(
                "  - name: {id}
    type: oidc
    clientID: {id}
    redirectURLs: [\"{RETURN}\"]
    authentication: {{idps: [idp]}}
    claimsMapping: {{email: idp.email, email_verified: idp.email_verified, name: idp.name, roles: idp.roles}}
    {rest}
"
            )
        };
        let yaml = format!(
            "version: '1'
http: {{address: '127.0.0.1:{port}'}}
connectors:
{connector}oidcProvider:
  discovery: {{issuer: '{url}'}}
  jwks: [{{name: k, file: sign.pem}}]
apps:
{main}{other}{public}{legacy}",
            connector = idp.connector("idp", &format!("{url}/callback")),
            main = app("main", &format!("clientSecret: '{SECRET}'\n    requirePKCE: true")),
            other = app("other", "clientSecret: other-secret"),
            public = app("public", "public: true"),
            legacy = app("legacy", "clientSecret: legacy-secret"),
        );
        let server = Launch::new(&scratch, &yaml, port).start();
        World { idp, server, _scratch: scratch }
    }

    fn rp(&self) -> Rp {
        Rp::new(&self.server.url, "main", SECRET)
    }
}

fn browser() -> Browser {
    Browser::new().stop_at(RETURN)
}

/// A JSON error of the token endpoint.
#[track_caller]
fn is_error(answer: &Answer, status: u16, error: &str, what: &str) {
    assert_eq!(
        (answer.status, answer.json()["error"].as_str()),
        (status, Some(error)),
        "{what}: {}",
        answer.text()
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    assert_eq!(answer.header("pragma"), Some("no-cache"), "{what}");
}

#[test]
fn every_way_to_authenticate_a_client_ends_with_verified_claims() {
    let world = World::start();
    for (rp, auth) in [
        (Rp::new(&world.server.url, "main", SECRET), Auth::Basic),
        (Rp::new(&world.server.url, "main", SECRET), Auth::Post),
        (Rp::new(&world.server.url, "public", ""), Auth::None),
    ] {
        let rp = Rp { auth, ..rp };
        let mut browser = browser();
        let tokens = rp.tokens(&mut browser);
        assert_eq!(
            (tokens["token_type"].as_str(), tokens["scope"].as_str()),
            (Some("Bearer"), Some(rp.scope))
        );
        let id_token = rp.verified(&tokens);
        let subject = format!("{}|a1", world.idp.issuer());
        assert_eq!(id_token.subject(), subject, "{auth:?}");
        assert!(id_token.auth_time().is_some());
        let claims = id_token.claims();
        assert_eq!(claims["roles"], json!(["staff", "a,b"]));
        let info = rp.userinfo(tokens["access_token"].as_str().unwrap());
        assert_eq!((info.status, info.header("cache-control")), (200, Some("no-store")));
        let info = info.json();
        assert_eq!(info["sub"], subject);
        assert_eq!(
            (&info["email"], &info["email_verified"], &info["name"]),
            (&json!("alice@example.com"), &json!(true), &json!("Alice A"))
        );
    }
    // A smaller scope tells less.
    let rp = Rp { scope: "openid", ..world.rp() };
    let tokens = rp.tokens(&mut browser());
    let info = rp.userinfo(tokens["access_token"].as_str().unwrap()).json();
    assert!(info.get("email").is_none() && info.get("name").is_none(), "{info}");
}

#[test]
fn what_a_code_is_not_redeemed_for() {
    let world = World::start();
    let (rp, other) = (world.rp(), Rp::new(&world.server.url, "other", "other-secret"));
    let mut browser = browser();
    type Change = &'static [(&'static str, &'static str)];
    let changes: &[(&str, Change, u16, &str)] = &[
        (
            "wrong verifier (C08)",
            &[("code_verifier", "another-verifier-that-is-long-enough-for-rfc-7636")],
            400,
            "invalid_grant",
        ),
        ("no verifier (C08)", &[("code_verifier", "")], 400, "invalid_grant"),
        ("another redirect_uri (C05)", &[("redirect_uri", "http://127.0.0.1:9/other")], 400, "invalid_grant"),
        ("no redirect_uri (C05)", &[("redirect_uri", "")], 400, "invalid_grant"),
        ("no code", &[("code", "")], 400, "invalid_request"),
        ("unknown code", &[("code", "x")], 400, "invalid_grant"),
        ("no grant_type", &[("grant_type", "")], 400, "invalid_request"),
        ("password grant (T05)", &[("grant_type", "password")], 400, "unsupported_grant_type"),
        ("repeated parameter (T04)", &[("scope", "a"), ("scope", "b")], 400, "invalid_request"),
    ];
    for (what, change, status, error) in changes {
        let code = rp.code(&mut browser, &[]);
        let mut fields = rp.redemption(&code);
        fields.retain(|(name, _)| !change.iter().any(|(n, _)| n == name));
        fields.extend(change.iter().filter(|(_, v)| !v.is_empty()));
        is_error(&rp.redeem_with(&fields), *status, error, what);
        assert_eq!(rp.redeem(&code).status, 200, "{what}: the code was burnt");
    }
    // C04: another client neither gets anything nor burns the code.
    let code = rp.code(&mut browser, &[]);
    is_error(&other.redeem(&code), 400, "invalid_grant", "another client");
    assert_eq!(rp.redeem(&code).status, 200, "the code was burnt by another client");
    // C09: a verifier for a code that has no challenge.
    let legacy = Rp::new(&world.server.url, "legacy", "legacy-secret");
    let without: &[(&str, &str)] = &[("code_challenge", ""), ("code_challenge_method", "")];
    let code = legacy.code(&mut browser, without);
    is_error(&legacy.redeem(&code), 400, "invalid_grant", "downgrade");
    let mut fields = legacy.redemption(&code);
    fields.retain(|(name, _)| *name != "code_verifier");
    assert_eq!(legacy.redeem_with(&fields).status, 200);
}

#[test]
fn who_does_not_pass_as_a_client() {
    let world = World::start();
    let rp = world.rp();
    let code = rp.code(&mut browser(), &[]);
    let wrong = Rp { secret: "wrong", ..rp.clone() };
    let unknown = Rp { id: "nobody", secret: "wrong", ..rp.clone() };
    let (a, b) = (wrong.redeem(&code), unknown.redeem(&code));
    assert_eq!(
        (a.status, a.text()),
        (b.status, b.text()),
        "a stranger and a wrong secret look the same (X03)"
    );
    is_error(&a, 401, "invalid_client", "wrong secret");
    assert!(a.header("www-authenticate").is_some_and(|v| v.starts_with("Basic")));
    let posted = Rp { auth: Auth::Post, ..wrong }.redeem(&code);
    assert_eq!((posted.status, posted.header("www-authenticate")), (401, None));
    is_error(
        &Rp { auth: Auth::None, ..rp.clone() }.redeem(&code),
        401,
        "invalid_client",
        "a confidential client without secret (X05)",
    );
    let public = Rp { id: "public", secret: "x", ..rp.clone() };
    is_error(&public.redeem(&code), 401, "invalid_client", "a public client with a secret");
    let mut both = rp.redemption(&code);
    both.push(("client_secret", SECRET));
    is_error(&rp.redeem_with(&both), 400, "invalid_request", "two methods at once (X04)");
    let token = rp.endpoint("token_endpoint");
    let answer = Browser::new().get(&token);
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "T01");
    let json = Request::new("POST", &token)
        .header("Content-Type", "application/json")
        .body("{\"grant_type\":\"authorization_code\"}");
    is_error(&Browser::new().send(&json), 400, "invalid_request", "JSON (T01)");
    // T04: parameters in the query are not read.
    let query = encode(&rp.redemption(&code));
    let answer = Browser::new().send(
        &Request::form(&format!("{token}?{query}"), &[("x", "y")]).header("Authorization", &rp.basic()),
    );
    is_error(&answer, 400, "invalid_request", "parameters in the query");
    assert_eq!(rp.redeem(&code).status, 200, "and after all that the owner redeems it");
}

#[test]
fn a_code_used_twice_ends_its_token() {
    let world = World::start();
    let rp = world.rp();
    let code = rp.code(&mut browser(), &[]);
    let tokens = rp.redeem(&code).json();
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(rp.userinfo(access_token).status, 200);
    // A stranger's second use is not the client's: nothing is revoked.
    let other = Rp::new(&world.server.url, "other", "other-secret");
    is_error(&other.redeem(&code), 400, "invalid_grant", "second use by another client");
    assert_eq!(rp.userinfo(access_token).status, 200);
    is_error(&rp.redeem(&code), 400, "invalid_grant", "second use");
    let answer = rp.userinfo(access_token);
    assert_eq!(answer.status, 401, "C03");
    assert!(answer.header("www-authenticate").is_some_and(|v| v.contains("invalid_token")));
}

#[test]
fn a_hundred_redemptions_at_once_have_one_winner() {
    let world = World::start();
    let rp = world.rp();
    let code = rp.code(&mut browser(), &[]);
    let request = Arc::new(rp.token_request(&rp.redemption(&code)));
    let (won, lost) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let threads: Vec<_> = (0..100)
        .map(|_| {
            let (request, won, lost) = (request.clone(), won.clone(), lost.clone());
            std::thread::spawn(move || {
                let answer = Browser::new().send(&request);
                match (answer.status, answer.json()["error"].as_str()) {
                    (200, None) => won.fetch_add(1, Ordering::SeqCst),
                    (400, Some("invalid_grant")) => lost.fetch_add(1, Ordering::SeqCst),
                    _ => panic!("{} {}", answer.status, answer.text()),
                };
            })
        })
        .collect();
    for thread in threads {
        thread.join().expect("a redemption was answered");
    }
    assert_eq!((won.load(Ordering::SeqCst), lost.load(Ordering::SeqCst)), (1, 99), "C02");
}

/// What an authorization request leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Want {
    /// A page of ours, no redirect.
    Page,
    /// Back with this error and the state.
    Back(&'static str),
    /// Back with this error and no state: there is none that could be echoed unharmed.
    BackWithoutState(&'static str),
    /// On to the provider.
    On,
}

#[test]
fn requests_and_where_their_faults_go() {
    let world = World::start();
    let rp = world.rp();
    let long = "x".repeat(2049);
    let table: Vec<(&str, Vec<(&str, &str)>, Want)> = vec![
        ("a good one", vec![], Want::On),
        ("no client (A03)", vec![("client_id", "")], Want::Page),
        ("unknown client (A03)", vec![("client_id", "nobody")], Want::Page),
        ("no redirect_uri (A04)", vec![("redirect_uri", "")], Want::Page),
        ("host in capitals", vec![("redirect_uri", "http://127.0.0.1:9/CB")], Want::Page),
        ("another port", vec![("redirect_uri", "http://127.0.0.1:10/cb")], Want::Page),
        ("one more slash", vec![("redirect_uri", "http://127.0.0.1:9/cb/")], Want::Page),
        ("a query", vec![("redirect_uri", "http://127.0.0.1:9/cb?x=1")], Want::Page),
        ("a fragment", vec![("redirect_uri", "http://127.0.0.1:9/cb#x")], Want::Page),
        ("user info", vec![("redirect_uri", "http://evil@127.0.0.1:9/cb")], Want::Page),
        ("an escape", vec![("redirect_uri", "http://127.0.0.1:9/%63b")], Want::Page),
        ("a backslash", vec![("redirect_uri", "http://127.0.0.1:9\\cb")], Want::Page),
        ("a script", vec![("redirect_uri", "javascript:alert(1)")], Want::Page),
        ("client twice (A07)", vec![("client_id", "main"), ("client_id", "main")], Want::Page),
        ("redirect_uri twice (A07)", vec![("redirect_uri", RETURN), ("redirect_uri", RETURN)], Want::Page),
        ("scope twice (A07)", vec![("scope", "openid"), ("scope", "openid")], Want::Back("invalid_request")),
        (
            "state twice (A07)",
            vec![("state", "a"), ("state", "b")],
            Want::BackWithoutState("invalid_request"),
        ),
        ("no response_type (A08)", vec![("response_type", "")], Want::Back("invalid_request")),
        ("a token (A09)", vec![("response_type", "token")], Want::Back("unsupported_response_type")),
        ("a hybrid (A09)", vec![("response_type", "code id_token")], Want::Back("unsupported_response_type")),
        (
            "unknown parameters (A10)",
            vec![
                ("extra", "foobar"),
                ("ui_locales", "se"),
                ("display", "popup"),
                ("acr_values", "9"),
                ("login_hint", "<b>"),
                ("claims_locales", "!"),
            ],
            Want::On,
        ),
        ("no scope (A11)", vec![("scope", "")], Want::Back("invalid_scope")),
        ("no openid (A11)", vec![("scope", "profile")], Want::Back("invalid_scope")),
        ("unknown scope (A11)", vec![("scope", "nonsense openid")], Want::On),
        ("long state (A12)", vec![("state", &long)], Want::BackWithoutState("invalid_request")),
        ("no nonce (A13)", vec![("nonce", "")], Want::On),
        ("unknown mode (A14)", vec![("response_mode", "fragment")], Want::Back("invalid_request")),
        ("prompt=none (A16)", vec![("prompt", "none")], Want::Back("login_required")),
        ("prompt=none login (A17)", vec![("prompt", "none login")], Want::Back("invalid_request")),
        ("prompt=dance (A17)", vec![("prompt", "dance")], Want::Back("invalid_request")),
        ("prompt=consent (A21)", vec![("prompt", "consent")], Want::On),
        ("negative age (A22)", vec![("max_age", "-1")], Want::Back("invalid_request")),
        ("signed age (A22)", vec![("max_age", "+1")], Want::Back("invalid_request")),
        ("age in words (A22)", vec![("max_age", "abc")], Want::Back("invalid_request")),
        ("endless age (A22)", vec![("max_age", "99999999999999999999")], Want::Back("invalid_request")),
        ("request (A30)", vec![("request", "e30.e30.")], Want::Back("request_not_supported")),
        (
            "request_uri (A30)",
            vec![("request_uri", "https://evil.example/r")],
            Want::Back("request_uri_not_supported"),
        ),
        ("registration (A30)", vec![("registration", "{}")], Want::Back("registration_not_supported")),
        (
            "no challenge (C06)",
            vec![("code_challenge", ""), ("code_challenge_method", "")],
            Want::Back("invalid_request"),
        ),
        ("plain challenge (C07)", vec![("code_challenge_method", "plain")], Want::Back("invalid_request")),
        (
            "challenge without method (C07)",
            vec![("code_challenge_method", "")],
            Want::Back("invalid_request"),
        ),
        ("short challenge (C07)", vec![("code_challenge", "short")], Want::Back("invalid_request")),
    ];
    for (what, change, want) in &table {
        let answer = browser().get(&rp.request(change));
        match want {
            Want::Page => {
                assert_eq!((answer.status, answer.location()), (400, None), "{what}: {}", answer.text());
                is_page_of_ours(&answer);
            }
            Want::Back(error) | Want::BackWithoutState(error) => {
                assert_eq!(answer.status, 303, "{what}: {}", answer.text());
                let url = answer.location().unwrap();
                assert!(url.as_str().starts_with(RETURN), "{what}: {url}");
                assert_eq!(answer.param("error").as_deref(), Some(*error), "{what}");
                assert_eq!(answer.param("iss").as_deref(), Some(rp.issuer.as_str()), "{what} (A34)");
                let state = matches!(want, Want::Back(_)).then_some("the state");
                assert_eq!(answer.param("state").as_deref(), state, "{what}");
                assert!(answer.param("code").is_none(), "{what}");
            }
            Want::On => {
                assert_eq!(answer.status, 303, "{what}: {}", answer.text());
                assert!(answer.location().unwrap().as_str().starts_with(&world.idp.issuer()), "{what}");
            }
        }
        assert!(answer.header("access-control-allow-origin").is_none(), "{what} (A40)");
    }
    assert_eq!(world.idp.calls(At::Authorize), 0, "no test went there");
}

#[test]
fn states_come_back_byte_for_byte() {
    let world = World::start();
    let rp = world.rp();
    let mut browser = browser();
    let strange = "\"><script>alert(1)</script> +%2B&=;\u{e9}\u{1f600}'";
    let long = "s".repeat(2048);
    let wide = "é".repeat(1024);
    for state in ["s", strange, &"x".repeat(128), &long, &wide, "%ff", " ", "a b"] {
        for _ in ["first the provider, then the session", "session"] {
            let answer = browser.open(&rp.request(&[("state", state)]));
            assert_eq!(answer.param("state").as_deref(), Some(state), "{}", answer.text());
            assert_eq!(answer.param("iss").as_deref(), Some(rp.issuer.as_str()));
        }
        browser.forget("maverics_session");
        for name in browser.cookie_names().iter().map(|n| (*n).to_owned()).collect::<Vec<_>>() {
            browser.forget(&name);
        }
    }
    let answer = browser.open(&rp.request(&[("state", "")]));
    assert!(answer.param("code").is_some() && answer.param("state").is_none());
    // Bytes that are no text cannot be given back as they came, so they are not taken.
    let damaged = format!("{}&state=%ff%fe", rp.request(&[("state", "")]));
    let answer = browser.get(&damaged);
    assert_eq!((answer.status, answer.location()), (400, None));
}

#[test]
fn form_posts_carry_everything_and_run_nothing() {
    let world = World::start();
    let rp = world.rp();
    let state = "\"><script>alert(1)</script>&amp;'";
    let page = browser().open(&rp.request(&[("response_mode", "form_post"), ("state", state)]));
    assert_eq!(page.status, 200);
    let html = page.text();
    assert!(!html.contains("<script>alert") && html.contains("<button"), "{html}");
    let forms = page.forms();
    let field = |name: &str| forms[0].fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
    assert_eq!((forms[0].action.as_str(), forms[0].method.as_str()), (RETURN, "post"));
    assert_eq!((field("state"), field("iss")), (Some(state), Some(rp.issuer.as_str())));
    assert_eq!(rp.redeem(field("code").unwrap()).status, 200);
    let csp = page.header("content-security-policy").unwrap();
    assert!(csp.contains("form-action http://127.0.0.1:9") && csp.contains("script-src 'sha256-"), "{csp}");
    is_page_of_ours(&page);
    // Errors travel the same way.
    let page = browser().open(&rp.request(&[("response_mode", "form_post"), ("prompt", "none")]));
    let forms = page.forms();
    assert!(forms[0].fields.contains(&("error".into(), "login_required".into())), "{}", page.text());
    assert!(forms[0].fields.contains(&("iss".into(), rp.issuer.clone())));
}

#[test]
fn sessions_are_reused_renewed_and_never_fixed() {
    let world = World::start();
    let rp = world.rp();
    let mut browser = browser();
    let first = rp.verified(&rp.tokens(&mut browser));
    assert_eq!(world.idp.calls(At::Authorize), 1);
    let old = browser.clone();
    // Single sign-on, with the same time of authentication (I03).
    let tokens = rp.redeem(&rp.code(&mut browser, &[("prompt", "none")])).json();
    assert_eq!(rp.verified(&tokens).auth_time(), first.auth_time());
    assert!(rp.code(&mut browser, &[("max_age", "10000")]).len() == 43);
    assert_eq!(world.idp.calls(At::Authorize), 1, "the provider was not asked again");
    // A22: an age of nothing is a new sign-in, and cannot be had silently.
    let answer = browser.open(&rp.request(&[("max_age", "0"), ("prompt", "none")]));
    assert_eq!(answer.param("error").as_deref(), Some("login_required"));
    // A18: the provider is asked to do it again, and the session has a new id.
    for (i, change) in [("prompt", "login"), ("max_age", "0")].into_iter().enumerate() {
        assert!(browser.open(&rp.request(&[change])).param("code").is_some());
        let asked = world.idp.queries(At::Authorize);
        assert_eq!(asked.len(), i + 2);
        assert!(asked[i + 1].contains("prompt=login"), "{}", asked[i + 1]);
    }
    let answer = old.clone().open(&rp.request(&[("prompt", "none")]));
    assert_eq!(answer.param("error").as_deref(), Some("login_required"), "the old id is dead (S05)");
    assert!(browser.open(&rp.request(&[("prompt", "none")])).param("code").is_some());
    // A38: an id that a stranger planted becomes nobody's session.
    let mut victim = Browser::new().stop_at(RETURN);
    let name = browser.cookie_names().into_iter().find(|n| !n.starts_with("maverics_tx")).unwrap().to_owned();
    let planted = "A".repeat(43);
    victim.set_cookie("127.0.0.1", &name, &planted);
    assert!(victim.open(&rp.request(&[])).param("code").is_some());
    assert_ne!(victim.cookie(&name), Some(planted.as_str()));
}

#[test]
fn tabs_do_not_disturb_each_other() {
    let world = World::start();
    let rp = world.rp();
    let mut browser = browser();
    let tabs: Vec<Answer> =
        (0..10).map(|i| browser.get(&rp.request(&[("state", &format!("tab {i}"))]))).collect();
    for (i, tab) in tabs.into_iter().enumerate().rev() {
        let answer = browser.follow(tab);
        assert_eq!(answer.param("state"), Some(format!("tab {i}")), "A37");
        assert_eq!(rp.redeem(&answer.param("code").unwrap()).status, 200);
    }
    let mut left = browser.cookie_names();
    left.retain(|name| *name != "maverics_tx_trips");
    assert_eq!(left, ["maverics_session"], "one session, no pending sign-in left");
    // A39: a browser holds a bounded number of pending sign-ins.
    let mut browser = Browser::new().stop_at(RETURN);
    for _ in 0..30 {
        browser.get(&rp.request(&[]));
    }
    assert!(browser.cookie_names().len() <= 20, "{:?}", browser.cookie_names());
}

#[test]
fn a_posted_request_becomes_a_get() {
    let world = World::start();
    let rp = world.rp();
    let mut browser = browser();
    rp.code(&mut browser, &[]);
    let params = rp.params();
    let fields: Vec<(&str, &str)> = params.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let posted = browser.send(&Request::form(&rp.endpoint("authorization_endpoint"), &fields).cross_site());
    assert_eq!(posted.status, 303, "{}", posted.text());
    assert!(posted.location().unwrap().as_str().starts_with(&rp.issuer), "to ourselves first (A02)");
    let answer = browser.follow(posted);
    assert!(answer.param("code").is_some());
    assert_eq!(world.idp.calls(At::Authorize), 1, "still single sign-on");
    let json = Request::new("POST", &rp.endpoint("authorization_endpoint"))
        .header("Content-Type", "application/json")
        .body("{}");
    assert!(matches!(browser.send(&json).status, 400 | 415), "A01");
}

#[test]
fn limits_are_answered() {
    let world = World::start();
    let rp = world.rp();
    let long = rp.request(&[("extra", &"x".repeat(17_000))]);
    assert_eq!(browser().get(&long).status, 414, "A39");
    let many: Vec<(String, String)> = (0..120).map(|i| (format!("p{i}"), "x".into())).collect();
    let answer = browser().get(&rp.request_with(&[rp.params(), many].concat()));
    assert_eq!((answer.status, answer.location()), (400, None));
    for endpoint in ["authorization_endpoint", "token_endpoint", "userinfo_endpoint"] {
        let big = Request::form(&rp.endpoint(endpoint), &[("x", &"y".repeat(70_000))]);
        assert_eq!(browser().send(&big).status, 413, "{endpoint}");
    }
}

#[test]
fn userinfo_refuses_as_rfc_6750_says() {
    let world = World::start();
    let rp = world.rp();
    let tokens = rp.tokens(&mut browser());
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    let url = rp.endpoint("userinfo_endpoint");
    let bearer = format!("Bearer {token}");
    let table: Vec<(&str, Request, u16, Option<&str>)> = vec![
        ("header", Request::get(&url).header("Authorization", &bearer), 200, None),
        (
            "scheme in small letters (U06)",
            Request::get(&url).header("authorization", &format!("bearer {token}")),
            200,
            None,
        ),
        ("posted header", Request::new("POST", &url).header("Authorization", &bearer), 200, None),
        ("posted body (U01)", Request::form(&url, &[("access_token", &token)]), 200, None),
        ("nothing (U02)", Request::get(&url), 401, Some("Bearer")),
        (
            "unknown (U02)",
            Request::get(&url).header("Authorization", "Bearer x"),
            401,
            Some("Bearer error=\"invalid_token\""),
        ),
        (
            "an ID token",
            Request::get(&url)
                .header("Authorization", &format!("Bearer {}", tokens["id_token"].as_str().unwrap())),
            401,
            Some("Bearer error=\"invalid_token\""),
        ),
        (
            "two places (U03)",
            Request::form(&url, &[("access_token", &token)]).header("Authorization", &bearer),
            400,
            Some("Bearer error=\"invalid_request\""),
        ),
        ("in the query (U03)", Request::get(&format!("{url}?access_token={token}")), 401, Some("Bearer")),
        ("another scheme", Request::get(&url).header("Authorization", &rp.basic()), 401, Some("Bearer")),
    ];
    for (what, request, status, challenge) in table {
        let answer = Browser::new().send(&request);
        assert_eq!((answer.status, answer.header("www-authenticate")), (status, challenge), "{what}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    }
    assert_eq!(Browser::new().send(&Request::new("DELETE", &url)).status, 405);
}

#[test]
fn documents_are_public_cached_and_our_own() {
    let world = World::start();
    let rp = world.rp();
    let url = format!("{}/.well-known/openid-configuration", rp.issuer);
    let answer = Browser::new().get(&url);
    let document = answer.json();
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(document["issuer"], rp.issuer.as_str(), "D01");
    for (name, want) in [
        ("request_uri_parameter_supported", json!(false)),
        ("request_parameter_supported", json!(false)),
        ("code_challenge_methods_supported", json!(["S256"])),
        ("authorization_response_iss_parameter_supported", json!(true)),
        ("backchannel_logout_supported", json!(true)),
        ("backchannel_logout_session_supported", json!(true)),
        ("grant_types_supported", json!(["authorization_code"])),
        ("id_token_signing_alg_values_supported", json!(["RS256"])),
    ] {
        assert_eq!(document[name], want, "{name}");
    }
    // D12: whatever is advertised answers.
    let mut crawled = 0;
    for (name, value) in document.as_object().unwrap() {
        let Some(url) = value.as_str().filter(|_| name.ends_with("_endpoint") || name == "jwks_uri") else {
            continue;
        };
        let status = Browser::new().get(url).status;
        let want = match name.as_str() {
            "jwks_uri" => 200,
            "authorization_endpoint" => 400,
            "token_endpoint" => 405,
            "userinfo_endpoint" => 401,
            // Nobody is signed in, which is as good as signed out.
            "end_session_endpoint" => 200,
            _ => panic!("{name} is advertised and this test does not know it"),
        };
        assert_eq!(status, want, "{name}");
        crawled += 1;
    }
    assert_eq!(crawled, 5);
    // K01: public halves alone.
    let keys = Browser::new().get(&rp.endpoint("jwks_uri"));
    for key in keys.json()["keys"].as_array().unwrap() {
        for member in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(member).is_none(), "{member}");
        }
        assert_eq!(
            (key["kty"].as_str(), key["use"].as_str(), key["alg"].as_str()),
            (Some("RSA"), Some("sig"), Some("RS256"))
        );
        assert!(key["kid"].as_str().is_some_and(|kid| !kid.is_empty()));
    }
    // D14, for both documents and every address of the first (D10).
    let well_known = format!("{}/.well-known/oauth-authorization-server", rp.issuer);
    for url in [url.clone(), well_known, rp.endpoint("jwks_uri")] {
        let answer = Browser::new().get(&url);
        assert_eq!(answer.header("cache-control"), Some("public, max-age=300"), "{url}");
        let etag = answer.header("etag").unwrap();
        let again = Browser::new().send(&Request::get(&url).header("If-None-Match", etag));
        assert_eq!((again.status, again.body.len(), again.header("etag")), (304, 0, Some(etag)), "{url}");
        for spelling in [format!("\"other\", {etag}"), format!("W/{etag}"), "*".into()] {
            let again = Browser::new().send(&Request::get(&url).header("If-None-Match", &spelling));
            assert_eq!(again.status, 304, "{url} {spelling}");
        }
        let head = Browser::new().send(&Request::new("HEAD", &url));
        assert_eq!((head.status, head.body.len()), (200, 0));
        let posted = Browser::new().send(&Request::form(&url, &[]));
        assert_eq!((posted.status, posted.header("allow")), (405, Some("GET, HEAD")), "{url}");
    }
    // D15: no header of the request changes what we say of ourselves.
    for (name, value) in [
        ("Host", "evil.example"),
        ("X-Forwarded-Host", "evil.example"),
        ("X-Forwarded-Proto", "https"),
        ("Forwarded", "host=evil.example;proto=https"),
    ] {
        let spoofed = Browser::new().send(&Request::get(&url).header(name, value));
        assert_eq!(spoofed.json(), document, "{name}");
    }
    assert_eq!(
        Browser::new().get(&format!("{}/.well-known/openid-configuration/other", rp.issuer)).status,
        404
    );
}
