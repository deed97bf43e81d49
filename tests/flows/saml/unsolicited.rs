//! Sign-ins that the provider begins.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maverics::protocol::saml::names::status;

use super::{World, browser};
use crate::support::browser::{Answer, Browser, Request};

fn post(world: &World, person: &mut Browser, field: &str, relay: &str) -> Answer {
    let fields = [("SAMLResponse", field), ("RelayState", relay)];
    let answer = person.send(&Request::form(&world.url("/acs"), &fields).cross_site());
    person.follow(answer)
}

#[test]
fn nobody_is_signed_in_unasked() {
    let world = World::start();
    let mut person = browser();
    let answer = post(&world, &mut person, &world.idp.response(None), "");
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(!world.is_in(&person));
}

#[test]
fn where_it_is_allowed_it_leads_to_one_page_and_works_once() {
    let world = World::with("    samlIDPInitiatedURL: OUR_URL/app/home?from=idp\n", |_| {});
    let field = world.idp.response(None);
    for relay in ["https://evil.example/", "/own/x", ""] {
        let field = world.idp.response(None);
        let mut person = browser();
        let answer = post(&world, &mut person, &field, relay);
        assert_eq!(answer.status, 200, "{}\n{}", answer.text(), world.server.log());
        assert_eq!(answer.url.as_str(), world.url("/app/home?from=idp"), "whatever RelayState says");
        assert!(world.is_in(&person));
    }
    let mut person = browser();
    assert_eq!(post(&world, &mut person, &field, "").status, 200);
    let mut thief = browser();
    let again = post(&world, &mut thief, &field, "");
    assert_eq!(again.status, 400);
    assert!(!world.is_in(&thief), "an assertion works once");
    world.server.wait_for_log(&["event=login.rejected", "reason=answer-replayed"]);
    // An answer to somebody's request does not pass for one that nobody asked for.
    let solicited = world.idp.response(Some("_request"));
    assert_eq!(post(&world, &mut browser(), &solicited, "").status, 400);
    world.server.wait_for_log(&["event=login.rejected", "in-response-to"]);
}

/// The provider ends the session before its answer, which nobody asked for, arrives.
#[test]
fn an_announced_end_reaches_answers_that_are_still_on_their_way() {
    let world = World::with("    samlIDPInitiatedURL: OUR_URL/app/home\n", |_| {});
    let field = world.idp.response(None);
    let ended = world.idp.last_session();
    let mut elsewhere = browser();
    elsewhere.open(&world.idp.logout_url(&[&ended], None));
    world.server.wait_for_log(&["event=logout.received"]);
    let mut person = browser();
    assert_eq!(post(&world, &mut person, &field, "").status, 400);
    world.server.wait_for_log(&["event=login.rejected", "reason=session-ended"]);
    assert!(!world.is_in(&person));
    // Another session of the same person is another one.
    assert_eq!(post(&world, &mut person, &world.idp.response(None), "").status, 200);
}

#[test]
fn what_this_process_cannot_remember_and_what_nobody_waits_for_is_refused() {
    let world = World::with("    samlIDPInitiatedURL: OUR_URL/app/home\n", |_| {});
    world.idp.be(|manner| manner.issued_ago = 120);
    let mut person = browser();
    assert_eq!(post(&world, &mut person, &world.idp.response(None), "").status, 400);
    world.server.wait_for_log(&["event=login.rejected", "before this process began"]);
    assert!(!world.is_in(&person));
    // Asked for, the same is as good as ever.
    world.signed_in();
    // Anybody can post that the provider is unwell; nobody asks it because of that.
    world.idp.be(|manner| {
        manner.issued_ago = 0;
        manner.sign_response = false;
        manner.refuses = Some((status::RESPONDER, None));
    });
    assert_eq!(post(&world, &mut browser(), &world.idp.response(None), "").status, 400);
    world.server.wait_for_log(&["event=login.rejected", "status-unwell"]);
    assert!(!world.server.log().contains("event=login.provider.doubted"), "{}", world.server.log());
    // Another provider's is none of this connector's.
    let foreign = world.idp.response(None);
    let xml = STANDARD.decode(foreign).expect("base64");
    let xml = String::from_utf8(xml).expect("text").replace("/idp</saml:Issuer>", "/evil</saml:Issuer>");
    assert_eq!(post(&world, &mut browser(), &STANDARD.encode(xml), "").status, 400);
    world.server.wait_for_log(&["event=login.rejected", "issuer: the issuer is another"]);
}
