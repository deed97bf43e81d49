//! RP-initiated logout at us, and what relying parties are told.

use maverics::ambient::Clock;
use maverics::protocol::jose::KeySet;
use maverics::protocol::jose::token::ACCEPTED;
use maverics::protocol::oidc::logout_token::{Expected, verify_logout_token};
use serde_json::Value;

use super::{BYE, World, browser, is_plain_end};
use crate::flows::{Rp, is_page_of_ours};
use crate::support::browser::{Browser, Request, encode};
use crate::support::fake_idp::oidc::FakeIdp;

struct SignedIn {
    browser: Browser,
    hint: String,
}

fn sign_in(world: &World, rp: &Rp) -> SignedIn {
    let mut browser = browser();
    let tokens = rp.tokens(&mut browser);
    SignedIn { browser, hint: tokens["id_token"].as_str().unwrap().to_owned() }.checked(world)
}

impl SignedIn {
    fn checked(self, world: &World) -> Self {
        assert!(world.is_in(&self.browser));
        self
    }
}

fn end(world: &World, params: &[(&str, &str)]) -> String {
    format!("{}?{}", world.rp().endpoint("end_session_endpoint"), encode(params))
}

fn claims_of(token: &str) -> Value {
    use base64::Engine as _;
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(payload).unwrap())
        .unwrap()
}

/// A token with one character of its claims changed, its signature as it was.
fn modified(token: &str) -> String {
    let parts: Vec<&str> = token.split('.').collect();
    let mut claims = parts[1].to_owned();
    let last = if claims.pop() == Some('A') { 'B' } else { 'A' };
    claims.push(last);
    format!("{}.{claims}.{}", parts[0], parts[2])
}

#[test]
fn advertised_and_answered() {
    let world = World::start();
    let rp = world.rp();
    let document = Browser::new().get(&format!("{}/.well-known/openid-configuration", rp.issuer)).json();
    assert_eq!(document["end_session_endpoint"], format!("{}/oauth2/logout", rp.issuer));
    assert_eq!(document["backchannel_logout_supported"], true);
    assert_eq!(document["backchannel_logout_session_supported"], true);
    // A hint of this session: out at once, through the provider, and back with the state as it came.
    for post in [false, true] {
        let mut person = sign_in(&world, &rp);
        let params = [
            ("id_token_hint", person.hint.as_str()),
            ("client_id", "main"),
            ("post_logout_redirect_uri", BYE),
            ("state", "a b&c"),
        ];
        let ended = world.ended_at().0;
        let away = if post {
            let request = Request::form(&rp.endpoint("end_session_endpoint"), &params).cross_site();
            // Over plain http the cookie comes with the GET that follows.
            let again = person.browser.send(&request);
            assert!(world.is_in(&person.browser) && again.status == 303, "{}", again.text());
            person.browser.get(again.location().unwrap().as_str())
        } else {
            person.browser.get(&end(&world, &params))
        };
        assert!(!world.is_in(&person.browser));
        let back = person.browser.follow(away);
        assert_eq!(back.location().unwrap().as_str(), format!("{BYE}?state=a+b%26c"));
        assert_eq!(world.ended_at().0, ended + 1, "L13");
        // L08: again, with nobody signed in.
        let again = person.browser.get(&end(&world, &params));
        assert_eq!(again.location().unwrap().as_str(), format!("{BYE}?state=a+b%26c"));
        let silent = person.browser.open(&rp.request(&[("prompt", "none")]));
        assert_eq!(silent.param("error").as_deref(), Some("login_required"), "L07");
    }
    // L06: no state, none back; a registered query stays.
    let mut person = sign_in(&world, &rp);
    let with_query = format!("{BYE}?kept=1");
    let params = [("id_token_hint", person.hint.as_str()), ("post_logout_redirect_uri", &with_query)];
    let back = person.browser.open(&end(&world, &params));
    assert_eq!(back.location().unwrap().as_str(), with_query);
    // L05: nowhere to go back to.
    let mut person = sign_in(&world, &rp);
    is_plain_end(&person.browser.open(&end(&world, &[("id_token_hint", &person.hint)])));
    assert_eq!(person.browser.send(&Request::new("PUT", &end(&world, &[]))).status, 405);
}

#[test]
fn without_proof_the_person_is_asked() {
    let world = World::start();
    let rp = world.rp();
    let other = sign_in(&world, &rp);
    let foreign = FakeIdp::start(serde_json::json!({"sub": "a1"})).logout_token(
        crate::support::fake_idp::oidc::Signer::Own,
        |header, claims| {
            header["typ"] = "JWT".into();
            claims["iss"] = world.server.url.clone().into();
            claims["aud"] = "main".into();
        },
    );
    let mut stranger = sign_in(&world, &rp);
    let access = rp.tokens(&mut stranger.browser)["access_token"].as_str().unwrap().to_owned();
    let person = sign_in(&world, &rp);
    let unsigned = {
        use base64::Engine as _;
        let header =
            base64::engine::general_purpose::URL_SAFE_NO_PAD.encode("{\"alg\":\"none\",\"typ\":\"JWT\"}");
        format!("{header}.{}.", person.hint.split('.').nth(1).unwrap())
    };
    // Parameters, and whether the person is sent back once the question is answered.
    let table: Vec<(&str, Vec<(&str, &str)>, bool)> = vec![
        ("no parameters", vec![], false),
        ("only state", vec![("state", "s")], false),
        ("no hint", vec![("post_logout_redirect_uri", BYE), ("client_id", "main")], false),
        ("a made up hint", vec![("id_token_hint", "x.y.z"), ("post_logout_redirect_uri", BYE)], false),
        ("an unsigned hint", vec![("id_token_hint", &unsigned), ("post_logout_redirect_uri", BYE)], false),
        (
            "somebody else's signature",
            vec![("id_token_hint", &foreign), ("post_logout_redirect_uri", BYE)],
            false,
        ),
        ("an access token", vec![("id_token_hint", &access), ("post_logout_redirect_uri", BYE)], false),
        (
            "a hint of another session",
            vec![("id_token_hint", &other.hint), ("post_logout_redirect_uri", BYE)],
            true,
        ),
    ];
    for (what, params, goes_back) in table {
        let mut person = sign_in(&world, &rp);
        let page = person.browser.get(&end(&world, &params));
        assert_eq!((page.status, page.forms().len()), (200, 1), "{what}: {}", page.text());
        is_page_of_ours(&page);
        assert!(world.is_in(&person.browser), "{what}: nothing happens before the answer");
        // L04: what another site posts has not the page's token.
        let bare = person.browser.send(&Request::form(&rp.endpoint("end_session_endpoint"), &params));
        assert_eq!((bare.status, bare.forms().len()), (200, 1), "{what}");
        assert!(world.is_in(&person.browser), "{what}");
        let done = person.browser.submit(&page, &[]);
        assert!(!world.is_in(&person.browser), "{what}");
        if goes_back {
            assert_eq!(done.location().unwrap().as_str(), BYE, "{what}");
        } else {
            is_plain_end(&done);
        }
    }
    let modified = modified(&person.hint);
    let mut browser = person.browser.clone();
    let page = browser.get(&end(&world, &[("id_token_hint", &modified), ("post_logout_redirect_uri", BYE)]));
    assert_eq!((page.status, page.forms().len()), (200, 1), "a modified hint");
    assert!(world.is_in(&browser));
}

#[test]
fn nobody_is_sent_where_nobody_registered() {
    let world = World::start();
    let rp = world.rp();
    let mut person = sign_in(&world, &rp);
    let hint = person.hint.clone();
    for target in [
        "https://evil.example/",
        "//evil.example/",
        "/bye",
        "javascript:alert(1)",
        &format!("{BYE}?foo=bar"),
        &format!("{BYE}/"),
        &format!("{BYE}#f"),
        &format!("{BYE}2"),
        "http://127.0.0.1:9@evil.example/bye",
        "http://127.0.0.1:10/bye",
        "HTTP://127.0.0.1:9/bye",
        " http://127.0.0.1:9/bye",
    ] {
        let params = [("id_token_hint", hint.as_str()), ("post_logout_redirect_uri", target), ("state", "s")];
        let page = person.browser.get(&end(&world, &params));
        assert_eq!((page.status, page.location()), (400, None), "{target}");
        assert!(world.is_in(&person.browser), "{target}: nothing was ended without a question");
        let form = &page.forms()[0];
        assert!(!form.fields.iter().any(|(_, value)| value.contains("evil")), "{target}: {form:?}");
        let nobody = browser().get(&end(&world, &params));
        assert_eq!((nobody.status, nobody.location()), (400, None), "{target}, nobody signed in");
    }
    // L03: what is said of the client must agree.
    for params in [
        vec![("id_token_hint", hint.as_str()), ("client_id", "second")],
        vec![("id_token_hint", hint.as_str()), ("client_id", "unheard of")],
        vec![("client_id", "unheard of")],
        vec![("state", "a"), ("state", "b")],
    ] {
        let page = person.browser.get(&end(&world, &params));
        assert_eq!((page.status, page.location()), (400, None), "{params:?}");
        assert!(page.forms().is_empty() && world.is_in(&person.browser), "{params:?}");
    }
    // Asked about a misdirected request, the person may still sign out, and stays here.
    let page = person
        .browser
        .get(&end(&world, &[("id_token_hint", &hint), ("post_logout_redirect_uri", "//evil.example/")]));
    is_plain_end(&person.browser.submit(&page, &[]));
    assert!(!world.is_in(&person.browser));
}

/// L09, L10: each relying party of the session, with a token of its own; one that refuses delays nobody.
#[test]
fn relying_parties_are_told() {
    let world = World::start();
    let (main, second) = (world.rp(), Rp::new(&world.server.url, "second", "secret"));
    let mut person = sign_in(&world, &main);
    let other = claims_of(second.tokens(&mut person.browser)["id_token"].as_str().unwrap());
    let untouched = sign_in(&world, &main);
    let id_token = claims_of(&person.hint);
    assert_ne!(id_token["sid"], other["sid"], "I06: two relying parties cannot compare");
    let away = person.browser.get(&end(&world, &[("id_token_hint", &person.hint)]));
    assert_eq!(away.status, 303);
    world.server.wait_for_log(&["event=logout.backchannel.delivered", "client=main"]);
    world.server.wait_for_log(&["event=logout.backchannel.failed", "client=second", "status 400"]);
    let body = |path: &str| -> Vec<String> {
        let posted = world.upstream.posted(path);
        posted
            .iter()
            .map(|body| {
                let fields: Vec<(String, String)> =
                    url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
                assert_eq!(fields.len(), 1);
                assert_eq!(fields[0].0, "logout_token");
                fields[0].1.clone()
            })
            .collect()
    };
    let (told, refused) = (body("/main"), body("/refuses"));
    assert_eq!((told.len(), refused.len()), (1, 2), "one repetition");
    let keys = KeySet::parse(&Browser::new().get(&main.endpoint("jwks_uri")).json()).unwrap();
    for (token, client_id, sid) in
        [(&told[0], "main", &id_token["sid"]), (&refused[0], "second", &other["sid"])]
    {
        let expected = Expected { issuer: &main.issuer, client_id, now: Clock::system().unix() };
        let verified = verify_logout_token(token, &keys, ACCEPTED, &expected).expect("a good logout token");
        assert_eq!((verified.session(), verified.subject()), (sid.as_str(), id_token["sub"].as_str()));
        let claims = claims_of(token);
        let life = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
        assert!(life <= 120, "{life}");
        assert!(claims.get("nonce").is_none());
    }
    assert!(world.is_in(&untouched.browser), "another session of the same person goes on");
}

/// `correlateSession: false`: tokens live on by themselves.
#[test]
fn tokens_may_outlive_their_session() {
    let world = World::with("  correlateSession: false\n", |_| String::new());
    let rp = world.rp();
    let mut person = browser();
    let tokens = rp.tokens(&mut person);
    let access_token = tokens["access_token"].as_str().unwrap();
    let hint = tokens["id_token"].as_str().unwrap();
    is_plain_end(&person.open(&end(&world, &[("id_token_hint", hint)])));
    assert!(!world.is_in(&person));
    assert_eq!(rp.userinfo(access_token).status, 200);
}
