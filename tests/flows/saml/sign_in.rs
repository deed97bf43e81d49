//! A person signs in.

use super::{ENTITY, World, browser, carry, message_form, post};
use crate::support::browser::Request;
use crate::support::fake_idp::saml::At;

#[test]
fn by_post_with_attributes_in_our_words() {
    let world = World::start();
    let mut person = browser();
    let sent = person.get(&world.url("/app/x?q=1"));
    let (action, fields) = message_form(&sent).expect("a form that posts the request");
    assert!(action.path() == "/sso", "{action}");
    let state = &fields.iter().find(|(name, _)| name == "RelayState").unwrap().1;
    assert_eq!(state.len(), 43, "a handle, never an address");
    let page = carry(&mut person, sent);
    assert_eq!((page.status, page.url.query()), (200, Some("q=1")), "{}", world.server.log());
    let seen = page.text().to_lowercase();
    for header in ["\"x-mail\":\"ada@example.com\"", "\"x-role\":\"staff,math\"", "\"x-name\":\"ada-17\""] {
        assert!(seen.contains(header), "{header}: {seen}");
    }
    let requests = world.idp.requests();
    assert!(requests.len() == 1 && requests[0].posted && requests[0].was_signed && !requests[0].force_authn);
    world.server.wait_for_log(&["event=login.completed", "connector=corp"]);
    // The relying party reads the same without another visit.
    let rp = world.rp();
    let mut again = person.clone();
    let tokens = rp.tokens(&mut again);
    let claims = rp.verified(&tokens).claims().clone();
    assert_eq!(claims["email"], "ada@example.com");
    assert_eq!(claims["role"], serde_json::json!(["staff", "math"]));
    assert_eq!(claims["name"], "Ada");
    assert_eq!(world.idp.requests().len(), 1);
}

#[test]
fn by_redirect_where_the_provider_takes_nothing_else() {
    let world = World::with("", |idp| idp.be(|manner| manner.only_redirect = true));
    let mut person = browser();
    let sent = person.get(&world.url("/app/x"));
    let location = sent.location().expect("a redirect");
    assert!(location.path() == "/sso" && location.query().unwrap().starts_with("SAMLRequest="), "{location}");
    assert!(location.query().unwrap().contains("&SigAlg="), "signed");
    let answer = person.follow(sent);
    assert_eq!(carry(&mut person, answer).status, 200, "{}", world.server.log());
    assert!(!world.idp.requests()[0].posted);
}

#[test]
fn signed_and_encrypted_in_every_accepted_way() {
    for (assertion, response, encrypt) in [
        (true, false, false),
        (false, true, false),
        (true, true, false),
        (true, false, true),
        (false, true, true),
    ] {
        let world = World::with("", |idp| {
            idp.be(|manner| {
                (manner.sign_assertion, manner.sign_response, manner.encrypt) =
                    (assertion, response, encrypt);
            });
        });
        world.signed_in();
    }
}

#[test]
fn again_means_again() {
    let world = World::start();
    let mut person = world.signed_in();
    let rp = world.rp();
    let away = person.get(&rp.request(&[("prompt", "login")]));
    // An authentication of an hour ago is none, although it was asked for by force.
    world.idp.be(|manner| manner.authenticated_ago = 3600);
    let answer = carry(&mut person, away);
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(world.idp.requests().last().unwrap().force_authn);
    world.server.wait_for_log(&["event=login.rejected", "authn-instant"]);
    world.idp.be(|manner| manner.authenticated_ago = 0);
    let away = person.get(&rp.request(&[("prompt", "login")]));
    let answer = carry(&mut person, away);
    assert!(
        answer.location().is_some_and(|url| url.query().unwrap_or_default().contains("code=")),
        "{}",
        answer.text()
    );
}

#[test]
fn a_session_there_that_ends_ends_the_sign_in_here() {
    // Twelve seconds more, once three minutes are allowed to clocks that differ.
    let world = World::with("", |idp| idp.be(|manner| manner.session_secs = Some(12 - 180)));
    let person = world.signed_in();
    crate::support::until("the sign-in to end", std::time::Duration::from_secs(60), || {
        (!world.is_in(&person)).then_some(())
    });
}

#[test]
fn our_own_metadata_is_at_the_consumer_service() {
    let world = World::start();
    let answer = browser().get(&world.url("/acs"));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/samlmetadata+xml"));
    let text = answer.text();
    for part in [
        format!("entityID=\"{ENTITY}\""),
        world.url("/acs"),
        world.url("/slo"),
        "WantAssertionsSigned=\"true\"".into(),
        "X509Certificate".into(),
    ] {
        assert!(text.contains(&part), "{part}: {text}");
    }
}

#[test]
fn posts_of_another_site_bring_no_cookies_and_find_them_again() {
    let world = World::start();
    let mut person = browser();
    let page = world.up_to_the_answer(&mut person, "/app/x");
    let (action, fields) = message_form(&page).unwrap();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let bounced = person.send(&Request::form(action.as_str(), &fields).cross_site());
    let location = bounced.location().expect("kept, and fetched by a request with cookies");
    assert!(location.query().is_some_and(|query| query.starts_with("held=")), "{location}");
    assert!(bounced.cookies().is_empty());
    // A stranger with the address has none of the cookies, and uses it up.
    let stranger = browser().get(location.as_str());
    assert_eq!(stranger.status, 400);
    let late = person.follow(bounced);
    assert_eq!(late.status, 400, "fetched once");
    // With its cookies at once, as over https, it is not kept.
    let mut person = browser();
    let page = world.up_to_the_answer(&mut person, "/app/x");
    let (action, fields) = message_form(&page).unwrap();
    let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let done = person.send(&Request::form(action.as_str(), &fields));
    assert!(done.location().is_some_and(|url| url.path() == "/app/x"), "{}", done.text());
    // And a second time it is over, without a second session.
    let twice = post(&mut person, &page);
    assert_eq!(twice.status, 400);
    assert!(twice.text().contains("This sign-in is over"), "{}", twice.text());
}

#[test]
fn a_provider_that_refuses_the_person_is_no_reason_to_try_another() {
    let world = World::start();
    let denied = (
        "urn:oasis:names:tc:SAML:2.0:status:Responder",
        Some("urn:oasis:names:tc:SAML:2.0:status:AuthnFailed"),
    );
    world.idp.be(|manner| manner.refuses = Some(denied));
    let mut person = browser();
    let page = world.open(&mut person, "/app/x");
    assert_eq!(page.status, 403, "{}", page.text());
    world.server.wait_for_log(&["event=login.denied", "reason=denied-by-provider"]);
    // Unwell, it says; our own question finds it well, so the person tries once more, and then it is over.
    world.idp.be(|manner| manner.refuses = Some(("urn:oasis:names:tc:SAML:2.0:status:Responder", None)));
    let before = world.idp.calls(At::SignOn);
    let page = world.open(&mut browser(), "/app/x");
    assert_eq!(page.status, 400, "{}", page.text());
    assert!(world.idp.calls(At::SignOn) >= before + 2);
    world.server.wait_for_log(&["event=login.rejected", "reason=fails-again"]);
}
