//! Single logout, both ways.

use super::{World, carry};
use crate::support::browser::Request;
use crate::support::fake_idp::saml::At;

fn link(url: &str) -> Request {
    Request::get(url)
        .header("Sec-Fetch-Site", "same-origin")
        .header("Sec-Fetch-Mode", "navigate")
        .header("Sec-Fetch-Dest", "document")
}

#[test]
fn the_person_signs_out_here_and_then_there() {
    let world = World::start();
    let mut person = world.signed_in();
    let before = person.clone();
    let away = person.send(&link(&world.url("/logout")));
    assert!(!world.is_in(&before), "ended here before the browser goes anywhere");
    let location = away.location().expect("sent to the provider");
    assert!(location.path() == "/slo" && location.query().unwrap().contains("&Signature="), "{location}");
    let end = person.follow(away);
    assert_eq!(end.status, 200);
    assert!(end.text().contains("You are signed out") && !end.text().contains("may still"), "{}", end.text());
    assert_eq!(world.idp.logouts(), [true], "the provider knew whom it was about");
}

#[test]
fn the_provider_signs_the_person_out_through_the_browser() {
    let world = World::start();
    let mut person = world.signed_in();
    let (mut other, session) = (world.signed_in(), world.idp.last_session());
    let good = world.idp.logout_url(&[&session], Some("its own state"));
    // Changed in any way it ends nothing.
    let forged = good.replacen("RelayState=its", "RelayState=oth", 1);
    let refused = other.get(&forged);
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("Nobody was signed out"), "{}", refused.text());
    assert!(world.is_in(&other));
    let end = other.open(&good);
    assert!(!world.is_in(&other), "{}", world.server.log());
    assert!(world.is_in(&person), "another session of the same person goes on");
    assert_eq!((end.status, end.text().as_str()), (200, "signed out everywhere"));
    assert_eq!(world.idp.logouts(), [true], "with a signed answer that names the request");
    assert_eq!(other.get(&good).status, 400, "it works once");
    // Without a session index: everything of the person.
    let all = world.idp.logout_url(&[], None);
    assert_eq!(person.open(&all).status, 200);
    assert!(!world.is_in(&person));
    world.server.wait_for_log(&["event=logout.received", "connector=corp"]);
}

#[test]
fn a_posted_request_must_be_signed_as_well() {
    let world = World::start();
    let mut person = world.signed_in();
    let session = world.idp.last_session();
    let send = |person: &mut crate::support::browser::Browser, signed: bool| {
        let field = world.idp.logout_field(&[&session], signed);
        person.send(&Request::form(&world.url("/slo"), &[("SAMLRequest", &field)]).cross_site())
    };
    assert_eq!(send(&mut person, false).status, 400);
    assert!(world.is_in(&person));
    world.server.wait_for_log(&["event=logout.refused", "signature-missing"]);
    let answer = send(&mut person, true);
    let answer = person.follow(answer);
    assert_eq!(carry(&mut person, answer).status, 200);
    assert!(!world.is_in(&person));
}

#[test]
fn a_provider_that_is_gone_keeps_nobody_signed_in() {
    let mut world = World::start();
    let mut person = world.signed_in();
    let before = person.clone();
    world.idp.refuse();
    let page = person.send(&link(&world.url("/logout")));
    assert_eq!(page.status, 200);
    assert!(page.text().contains("may still be open"), "{}", page.text());
    assert!(!world.is_in(&before));
    assert_eq!(world.idp.calls(At::Logout), 0);
}
