//! A provider announces logouts: what is believed, and what it ends.

use maverics::ambient::Clock;
use maverics::protocol::oidc::logout_token::EVENT;
use serde_json::{Value, json};

use super::{World, browser};
use crate::support::browser::{Answer, Browser, Request};
use crate::support::fake_idp::oidc::{FakeIdp, Signer};

fn announce(world: &World, at: &str, token: &str) -> Answer {
    Browser::new().send(&Request::form(&world.url(&format!("/announced/{at}")), &[("logout_token", token)]))
}

#[track_caller]
fn is_received(answer: &Answer) {
    assert_eq!((answer.status, answer.text().as_str()), (200, ""), "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
}

#[track_caller]
fn is_refused(answer: &Answer, what: &str) {
    assert_eq!((answer.status, answer.json()), (400, json!({"error": "invalid_request"})), "{what}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
}

/// For the last session that a provider knows.
fn token_for(idp: &FakeIdp, signer: Signer, change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let sid = idp.sids().last().cloned();
    idp.logout_token(signer, |header, claims| {
        claims["sid"] = json!(sid);
        change(header, claims);
    })
}

#[test]
fn each_mutation_of_a_good_token_is_refused() {
    let world = World::start();
    let first = world.signed_in();
    is_received(&announce(&world, "strong", &token_for(&world.strong, Signer::Own, |_, _| {})));
    assert!(!world.is_in(&first), "the token that all others are made from is good");
    world.server.wait_for_log(&["event=logout.received", "connector=strong", "detail=\"1 sessions ended\""]);

    let person = world.signed_in();
    let now = Clock::system().unix().0;
    type Change<'a> = Box<dyn Fn(&mut Value, &mut Value) + 'a>;
    let set = |name: &'static str, value: Value| -> Change<'_> {
        Box::new(move |_, claims| claims[name] = value.clone())
    };
    let without = |names: &'static [&'static str]| -> Change<'_> {
        Box::new(move |_, claims| {
            for name in names {
                claims.as_object_mut().unwrap().remove(*name);
            }
        })
    };
    let typ = |value: &'static str| -> Change<'_> { Box::new(move |header, _| header["typ"] = json!(value)) };
    let same = || -> Change<'_> { Box::new(|_, _| {}) };
    let table: Vec<(&str, Signer, Change<'_>, &str)> = vec![
        ("alg none", Signer::Nobody, same(), "`none` is not accepted"),
        ("alg HS256", Signer::Hmac, same(), "`HS256` is not accepted"),
        ("a forged signature", Signer::Forger, same(), "signature does not verify"),
        ("an unknown key", Signer::Stranger, same(), "no key of the set"),
        ("iss", Signer::Own, set("iss", json!("https://other.example")), "another issuer"),
        ("the other provider", Signer::Own, set("iss", json!(world.weak.issuer())), "another issuer"),
        ("no iss", Signer::Own, without(&["iss"]), "`iss`"),
        ("aud", Signer::Own, set("aud", json!("somebody else")), "another client"),
        ("no aud", Signer::Own, without(&["aud"]), "`aud`"),
        ("iat in the future", Signer::Own, set("iat", json!(now + 600)), "not valid yet"),
        ("iat long ago", Signer::Own, set("iat", json!(now - 3_600)), "too long ago"),
        ("no iat", Signer::Own, without(&["iat"]), "`iat`"),
        ("exp", Signer::Own, set("exp", json!(now - 120)), "expired"),
        ("no exp", Signer::Own, without(&["exp"]), "`exp`"),
        (
            "another event",
            Signer::Own,
            set("events", json!({"http://schemas.openid.net/event/x": {}})),
            "no logout",
        ),
        ("no event", Signer::Own, set("events", json!({})), "no logout"),
        ("an event that is no object", Signer::Own, set("events", json!({EVENT: "yes"})), "no logout"),
        ("no events", Signer::Own, without(&["events"]), "`events`"),
        ("a nonce", Signer::Own, set("nonce", json!("n")), "nonce"),
        ("nobody", Signer::Own, without(&["sub", "sid"]), "neither a person nor a session"),
        ("no jti", Signer::Own, without(&["jti"]), "`jti`"),
        ("typ JWT", Signer::Own, typ("JWT"), "another type"),
        ("typ at+jwt", Signer::Own, typ("at+jwt"), "another type"),
    ];
    for (what, signer, change, reason) in table {
        let token = token_for(&world.strong, signer, |header, claims| change(header, claims));
        is_refused(&announce(&world, "strong", &token), what);
        world.server.wait_for_log(&["event=logout.refused", "connector=strong", reason]);
        assert!(world.is_in(&person), "{what}");
    }
    // Good ones in the wrong place: another provider's, and what is not a logout token at all.
    is_refused(
        &announce(&world, "weak", &token_for(&world.strong, Signer::Own, |_, _| {})),
        "another's address",
    );
    is_refused(&announce(&world, "strong", world.strong.id_tokens().last().unwrap()), "an ID token");
    for token in ["", "x", "a.b.c", &"x".repeat(60_000)] {
        is_refused(&announce(&world, "strong", token), "no token");
    }
    let good = token_for(&world.strong, Signer::Own, |_, _| {});
    let at = world.url("/announced/strong");
    let twice = [("logout_token", good.as_str()), ("logout_token", good.as_str())];
    is_refused(&browser().send(&Request::form(&at, &twice)), "two tokens");
    is_refused(&browser().send(&Request::form(&at, &[])), "none");
    let as_json = Request::new("POST", &at).header("Content-Type", "application/json");
    let as_json = as_json.body(json!({"logout_token": good}).to_string());
    is_refused(&browser().send(&as_json), "JSON");
    let asked = browser().get(&format!("{at}?logout_token={good}"));
    assert_eq!((asked.status, asked.header("allow")), (405, Some("POST")));
    assert!(world.is_in(&person), "after all of it");
    // And this one, which nobody changed, works: once.
    is_received(&announce(&world, "strong", &good));
    assert!(!world.is_in(&person));
    is_refused(&announce(&world, "strong", &good), "replayed");
    world.server.wait_for_log(&["event=logout.refused", "received before"]);
}

#[test]
fn a_session_or_all_of_a_person() {
    let world = World::start();
    let (one, two, three) = (world.signed_in(), world.signed_in(), world.signed_in());
    let sids = world.strong.sids();
    let live = || [&one, &two, &three].map(|browser| world.is_in(browser));
    // By session id: that one, and no other of the same person.
    let token = world.strong.logout_token(Signer::Own, |_, claims| claims["sid"] = json!(sids[1]));
    is_received(&announce(&world, "strong", &token));
    assert_eq!(live(), [true, false, true]);
    // A session nobody has here, and a person nobody knows, are received as well.
    for change in [json!({"sid": "sid-of-nobody"}), json!({"sub": "nobody"})] {
        let token = world.strong.logout_token(Signer::Own, |_, claims| {
            claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        });
        is_received(&announce(&world, "strong", &token));
    }
    // The other provider has a person of the same name, who is another to us.
    is_received(&announce(&world, "weak", &world.weak.logout_token(Signer::Own, |_, _| {})));
    assert_eq!(live(), [true, false, true]);
    // By person: everything that is left. Without `typ`, which older providers leave out.
    let token = world.strong.logout_token(Signer::Own, |header, _| {
        header.as_object_mut().unwrap().remove("typ");
    });
    is_received(&announce(&world, "strong", &token));
    assert_eq!(live(), [false, false, false]);
    world.server.wait_for_log(&["event=logout.received", "detail=\"2 sessions ended\""]);
}

/// The provider ends its session while the person is on the way back from it: no session begins.
#[test]
fn announced_while_the_sign_in_is_under_way() {
    let world = World::start();
    let mut person = browser().stop_at(&world.url("/callback"));
    let back = person.open(&world.url("/app/x"));
    let sid = world.strong.next_sid();
    let token = world.strong.logout_token(Signer::Own, |_, claims| claims["sid"] = json!(sid));
    is_received(&announce(&world, "strong", &token));
    let page = person.get(back.location().unwrap().as_str());
    assert_eq!((page.status, person.cookie("maverics_session")), (400, None));
    assert_eq!(world.strong.sids(), [sid]);
    world.server.wait_for_log(&["event=login.rejected", "ended during the sign-in"]);
    world.signed_in();
}

/// A rotated key is fetched for a logout token as for an ID token.
#[test]
fn a_new_key_is_fetched() {
    let world = World::start();
    let person = world.signed_in();
    world.strong.rotate();
    is_received(&announce(&world, "strong", &token_for(&world.strong, Signer::Own, |_, _| {})));
    assert!(!world.is_in(&person));
}

/// What an announced logout ends reaches further: tokens of ours, and relying parties (L14).
#[test]
fn what_the_session_had_given_ends_with_it() {
    let world = World::start();
    let rp = world.rp();
    let mut person = browser();
    let tokens = rp.tokens(&mut person);
    let code = rp.code(&mut person, &[]);
    let access_token = tokens["access_token"].as_str().unwrap();
    assert_eq!(rp.userinfo(access_token).status, 200);
    is_received(&announce(&world, "strong", &token_for(&world.strong, Signer::Own, |_, _| {})));
    assert_eq!(rp.userinfo(access_token).status, 401);
    let answer = rp.redeem(&code);
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_grant")));
    let silent = person.open(&rp.request(&[("prompt", "none")]));
    assert_eq!(silent.param("error").as_deref(), Some("login_required"), "L07");
    world.server.wait_for_log(&["event=logout.backchannel.delivered", "client=main"]);
    assert_eq!(world.upstream.posted("/main").len(), 1);
}
