//! A person signs out, and the providers are well or not.

use super::{BYE, World, browser, fetched, is_plain_end, link};
use crate::flows::is_page_of_ours;
use crate::support::browser::Request;
use crate::support::fake_idp::oidc::{At, Quirk};

#[test]
fn here_first_then_at_the_provider() {
    let world = World::start();
    let mut person = world.signed_in();
    let before = person.clone();
    let away = person.send(&link(&world.url("/logout")));
    // RL01: the session is gone before the browser has gone anywhere.
    assert!(!world.is_in(&before), "the old cookie is worth nothing");
    assert_eq!(person.cookie("maverics_session"), None);
    assert_eq!(away.header("cache-control"), Some("no-store"));
    let location = away.location().unwrap();
    assert!(location.as_str().starts_with(&format!("{}/end?", world.strong.issuer())), "{location}");
    assert_eq!(away.param("id_token_hint").as_ref(), world.strong.id_tokens().last());
    assert_eq!(away.param("client_id").as_deref(), Some("orch"));
    assert_eq!(away.param("post_logout_redirect_uri"), Some(world.url("/logged-out")));
    let state = away.param("state").unwrap();
    assert_eq!(state.len(), 43);
    let end = person.follow(away);
    is_plain_end(&end);
    assert_eq!(world.ended_at(), (1, 0));
    assert!(
        !person.cookie_names().iter().any(|name| name.starts_with("maverics")),
        "{:?}",
        person.cookie_names()
    );
    world.server.wait_for_log(&["event=session.ended", "reason=signed-out"]);
    assert!(!world.server.log().contains("logout.upstream.incomplete"));
    // Once more: nothing to end, and the same page.
    is_plain_end(&person.send(&link(&world.url("/logout"))));
    assert_eq!(world.ended_at(), (1, 0));
    let mut again = world.signed_in();
    let other = again.send(&link(&world.url("/logout")));
    assert_ne!(other.param("state"), Some(state), "a fresh state each time");
}

#[test]
fn the_applications_own_logout_has_its_own_end() {
    let world = World::start();
    let mut person = world.signed_in();
    let hits = world.upstream.hits();
    let away = person.send(&link(&world.url("/app/logout")));
    let end = person.follow(away);
    assert_eq!(end.location().unwrap().as_str(), format!("{BYE}-page"));
    assert_eq!(world.ended_at(), (1, 0));
    assert_eq!(world.upstream.hits(), hits, "its address is ours while it is named here");
    assert!(!world.is_in(&person));
    let nobody = browser().send(&link(&world.url("/app/logout")));
    assert_eq!(nobody.location().unwrap().as_str(), format!("{BYE}-page"), "the same end for nobody");
}

#[test]
fn returns_that_belong_to_no_logout() {
    let world = World::start();
    let mut person = world.signed_in();
    let away = person.send(&link(&world.url("/logout")));
    let state = away.param("state").unwrap();
    let made_up = "A".repeat(43);
    for query in [
        "",
        "?state=",
        "?state=short",
        &format!("?state={made_up}"),
        &format!("?state={state}&state={state}"),
    ] {
        is_plain_end(&person.get(&world.url(&format!("/logged-out{query}"))));
    }
    let stranger = browser().get(&world.url(&format!("/logged-out?state={state}")));
    is_plain_end(&stranger);
    // None of that cost the person anything: the true return still works, once.
    assert!(person.cookie_names().iter().any(|name| name.starts_with("maverics_tx_")));
    let end = person.follow(away);
    is_plain_end(&end);
    is_plain_end(&person.get(end.url.as_str()));
    assert_eq!(world.ended_at(), (1, 0), "nobody was sent in a circle");
    // Whoever is signed in is not told otherwise.
    let mut signed_in = world.signed_in();
    let page = signed_in.get(&world.url(&format!("/logged-out?state={made_up}")));
    assert_eq!(page.status, 200);
    assert!(page.text().contains("You are signed in"), "{}", page.text());
    assert!(world.is_in(&signed_in));
    assert_eq!(signed_in.send(&Request::form(&world.url("/logged-out"), &[])).status, 405);
}

#[test]
fn a_provider_that_is_gone_keeps_nobody_signed_in() {
    let mut world = World::start();
    let mut person = world.signed_in();
    let before = person.clone();
    world.strong.refuse();
    let page = person.send(&link(&world.url("/logout")));
    assert_eq!(page.status, 200, "{}", page.text());
    is_page_of_ours(&page);
    for words in [
        "Your session here has ended",
        "strong (127.0.0.1)",
        "may still be open",
        "not answering",
        "close all windows",
    ] {
        assert!(page.text().contains(words), "{words}: {}", page.text());
    }
    assert!(page.forms().is_empty() && !page.text().contains("<script"), "nothing to do with a script");
    assert!(!world.is_in(&before));
    assert_eq!(person.cookie("maverics_session"), None);
    world.server.wait_for_log(&[
        "event=logout.upstream.incomplete",
        "connector=strong",
        "reason=connection-refused",
    ]);
    assert_eq!(world.weak.calls(At::EndSession), 0, "CH08: nobody else is asked instead");
    // Where an application is to have the person back, the page comes first, with the way on.
    let mut person = world.signed_in();
    assert_eq!(world.weak.calls(At::Authorize), 1);
    world.weak.refuse();
    let page = person.send(&link(&world.url("/app/logout")));
    assert!(page.text().contains("weak (127.0.0.1)"), "{}", page.text());
    assert_eq!(page.links(), [format!("{BYE}-page")]);
}

#[test]
fn a_provider_that_hangs_or_offers_nothing() {
    let world = World::start();
    for (quirk, words, event) in [
        (Quirk::Hangs(At::Discovery), "not answering", "reason=timeout"),
        (Quirk::Status(At::Discovery, 503), "not answering", "reason=unexpected-status"),
        (Quirk::NoEndSession, "no way to end it from here", "no end_session_endpoint"),
    ] {
        // Signed in by the strong one, whatever was seen of it before.
        world.strong.misbehave(&[]);
        let mut person =
            crate::support::until("the strong provider to serve", std::time::Duration::from_secs(30), || {
                let before = world.strong.sids().len();
                let person = world.signed_in();
                (world.strong.sids().len() > before).then_some(person)
            });
        world.strong.misbehave(&[quirk]);
        let page = person.send(&link(&world.url("/logout")));
        assert_eq!(page.status, 200, "{quirk:?}");
        assert!(
            page.text().contains(words) && page.text().contains("strong ("),
            "{quirk:?}: {}",
            page.text()
        );
        world.server.wait_for_log(&["event=logout.upstream.incomplete", "connector=strong", event]);
        assert!(!world.is_in(&person), "{quirk:?}");
    }
    assert_eq!(world.weak.calls(At::EndSession), 0);
}

/// CH08: the member that signed the person in, not the primary.
#[test]
fn through_the_member_that_served() {
    let mut world = World::start();
    world.strong.refuse();
    let mut person = world.signed_in();
    assert_eq!(world.weak.sids().len(), 1);
    world.strong.listen();
    world.server.wait_for_log(&["event=health.", "connector=strong", "no longer suspect"]);
    let away = person.send(&link(&world.url("/logout")));
    assert_eq!(away.param("id_token_hint").as_ref(), world.weak.id_tokens().last());
    is_plain_end(&person.follow(away));
    assert_eq!(world.ended_at(), (0, 1));
}

#[test]
fn each_provider_of_a_session_in_turn() {
    let mut world = World::start();
    let both = |world: &World| {
        let mut person = world.signed_in();
        assert_eq!(person.open(&world.url("/other/x")).status, 200);
        person
    };
    let mut person = both(&world);
    let away = person.send(&link(&world.url("/logout")));
    is_plain_end(&person.follow(away));
    assert_eq!(world.ended_at(), (1, 1));
    // One of them is gone: the other is visited all the same, and the page names the first alone.
    let mut person = both(&world);
    world.weak.refuse();
    let away = person.send(&link(&world.url("/logout")));
    let page = person.follow(away);
    assert_eq!(world.ended_at(), (2, 1));
    assert!(page.text().contains("weak (") && !page.text().contains("strong ("), "{}", page.text());
}

/// Without an address to come back to, the provider's own page is the last one; and where that would leave a
/// promise open, ours says what is open.
#[test]
fn a_way_without_return_comes_last() {
    let world = World::with("", |_| {
        "    scopes: openid\n".replace("    scopes: openid\n", "    disablePKCE: false\n")
    });
    let mut person = world.signed_in();
    let away = person.send(&link(&world.url("/logout")));
    assert_eq!(away.param("post_logout_redirect_uri"), None);
    let end = person.follow(away);
    assert_eq!((end.text().as_str(), world.ended_at()), ("signed out", (1, 0)), "at the provider's own page");
    let mut person = world.signed_in();
    let page = person.send(&link(&world.url("/app/logout")));
    assert!(page.text().contains("strong (") && page.links() == [format!("{BYE}-page")], "{}", page.text());
    world.server.wait_for_log(&["event=logout.upstream.incomplete", "no address to return to"]);
    world.server.wait_for_log(&["event=start.warning", "oidcLogoutCallbackURL"]);
    // Two such ways: the second could not be gone.
    let mut person = world.signed_in();
    assert_eq!(person.open(&world.url("/other/x")).status, 200);
    let away = person.send(&link(&world.url("/logout")));
    let page = person.follow(away);
    assert!(page.text().contains("weak (") && page.text().contains("strong ("), "{}", page.text());
    assert_eq!(world.ended_at(), (1, 0));
}

/// A hint too long for an address is posted, by a page that needs no script; one too long to be kept stays away.
#[test]
fn long_hints() {
    let world = World::start();
    world.strong.misbehave(&[Quirk::TokenPadded(7_000)]);
    let mut person = world.signed_in();
    let page = person.send(&link(&world.url("/logout")));
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(!world.is_in(&person));
    let fields = &page.forms()[0].fields;
    assert_eq!(fields[0], ("id_token_hint".to_owned(), world.strong.id_tokens()[0].clone()));
    assert!(page.text().contains("<button"), "it works without a script");
    let policy = page.header("content-security-policy").unwrap();
    assert!(!policy.contains("form-action"), "browsers hold the way back to it: {policy}");
    is_plain_end(&person.submit(&page, &[]));
    world.strong.misbehave(&[Quirk::TokenPadded(20_000)]);
    let mut person = world.signed_in();
    let away = person.send(&link(&world.url("/logout")));
    assert_eq!((away.param("id_token_hint"), away.param("client_id").as_deref()), (None, Some("orch")));
    is_plain_end(&person.follow(away));
    assert_eq!(world.ended_at(), (2, 0));
}

/// S09: what an image, a frame, a prefetch or a link of another site does to a session.
#[test]
fn nobody_else_signs_a_person_out() {
    let world = World::start();
    let url = world.url("/logout");
    let nothing = world.signed_in();
    for request in [
        fetched(&url, "cross-site", "no-cors", "image"),
        fetched(&url, "same-origin", "no-cors", "image"),
        fetched(&url, "same-site", "no-cors", "image"),
        fetched(&url, "cross-site", "navigate", "iframe"),
        fetched(&url, "cross-site", "cors", "empty"),
        link(&url).header("Sec-Purpose", "prefetch"),
    ] {
        let answer = nothing.clone().send(&request);
        assert_eq!(answer.status, 403, "{:?}", request.headers);
        assert!(world.is_in(&nothing), "{:?}", request.headers);
    }
    let head = Request::new("HEAD", &url)
        .header("Sec-Fetch-Site", "same-origin")
        .header("Sec-Fetch-Mode", "navigate");
    assert_eq!(nothing.clone().send(&head).status, 405);
    // A question, and the person decides.
    let evil = "https://evil.example";
    for request in [
        fetched(&url, "cross-site", "navigate", "document"),
        fetched(&url, "cross-site", "navigate", "document").header("Referer", &format!("{evil}/page")),
        Request::get(&url),
        Request::get(&url).header("Referer", &format!("{evil}/{url}")),
        Request::get(&url).header("Referer", "http://127.0.0.1.evil.example/"),
        Request::form(&url, &[]).header("Origin", evil),
        Request::form(&url, &[]).header("Origin", "null"),
        Request::form(&url, &[("confirm", "made up")]).header("Origin", evil),
    ] {
        let mut person = nothing.clone();
        let page = person.send(&request);
        assert_eq!(page.status, 200, "{:?}", request.headers);
        is_page_of_ours(&page);
        assert_eq!(page.forms().len(), 1, "{:?}: {}", request.headers, page.text());
        assert!(world.is_in(&nothing), "{:?}", request.headers);
    }
    // The answer of one person's page is nothing for another's session.
    let mut other = world.signed_in();
    let page = other.get(&url);
    let foreign: Vec<(String, String)> = page.forms()[0].fields.clone();
    let fields: Vec<(&str, &str)> = foreign.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let stolen = nothing.clone().send(&Request::form(&url, &fields).header("Origin", evil));
    assert_eq!((stolen.status, stolen.forms().len()), (200, 1));
    assert!(world.is_in(&nothing));
    // Over plain http the cookie stays at home when another site posts: nobody is told that he is signed out.
    let mut posted = nothing.clone();
    let again = posted.send(&Request::form(&url, &[]).cross_site());
    assert_eq!(posted.follow(again).forms().len(), 1, "the question");
    assert!(world.is_in(&nothing));
    is_plain_end(&other.submit(&page, &[]));
    assert!(!world.is_in(&other));
    // What is plainly the person's own wish needs no question.
    for request in [
        link(&url),
        fetched(&url, "none", "navigate", "document"),
        fetched(&url, "same-origin", "cors", "empty"),
        Request::get(&url).header("Referer", &world.url("/app/x")),
        Request::form(&url, &[]).header("Origin", &world.server.url),
        Request::form(&url, &[]).header("Sec-Fetch-Site", "same-origin").header("Sec-Fetch-Mode", "cors"),
    ] {
        let mut person = world.signed_in();
        let away = person.send(&request);
        assert_eq!(away.status, 303, "{:?}: {}", request.headers, away.text());
        assert!(!world.is_in(&person));
    }
}
