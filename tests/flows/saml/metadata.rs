//! What the provider publishes: changed keys, silence, an end, a file, a signature.

use std::time::Duration;

use super::World;
use crate::support::fake_idp::saml::{At, now};
use crate::support::until;

const LIMIT: Duration = Duration::from_secs(60);

#[test]
fn a_new_key_is_found_in_new_metadata() {
    let world = World::start();
    world.signed_in();
    let before = world.idp.calls(At::Metadata);
    world.idp.rotate(true);
    world.signed_in();
    assert!(world.idp.calls(At::Metadata) > before);
    // One that is not published is nobody's.
    world.idp.rotate(false);
    let mut person = super::browser();
    assert_eq!(world.open(&mut person, "/app/x").status, 400);
    world.server.wait_for_log(&["event=login.rejected", "signature-invalid"]);
}

#[test]
fn a_file_is_used_and_read_again_when_it_changes() {
    let scratch = crate::support::Scratch::new();
    let path = scratch.path("idp.xml");
    let more = format!("    samlMetadataURL: file://{}\n", path.display());
    let world = World::with(&more, |idp| {
        std::fs::write(&path, idp.metadata()).unwrap();
    });
    world.signed_in();
    assert_eq!(world.idp.calls(At::Metadata), 0);
    let signs_in = || {
        let mut person = super::browser();
        world.open(&mut person, "/app/x").status == 200
    };
    world.idp.rotate(true);
    assert!(!signs_in(), "the file has the old key only");
    // A broken file leaves the old in place. It is looked at now and then, when somebody signs in.
    std::fs::write(&path, "<html>").unwrap();
    until("the file to be looked at", LIMIT, || {
        assert!(!signs_in());
        world.server.log().contains("keeping the old").then_some(())
    });
    std::fs::write(&path, world.idp.metadata()).unwrap();
    until("the new key", LIMIT, || signs_in().then_some(()));
    // Gone, it goes on being what it was.
    std::fs::remove_file(&path).unwrap();
    world.signed_in();
}

#[test]
fn metadata_that_has_ended_signs_nobody_in() {
    let world = World::with("", |idp| idp.be(|manner| manner.valid_until = Some(now().plus(20))));
    world.signed_in();
    until("the end", LIMIT, || world.server.log().contains("reason=metadata-expired").then_some(()));
    let answer = world.open(&mut super::browser(), "/app/x");
    assert_eq!(answer.status, 503, "{}", answer.text());
}

#[test]
fn one_endpoint_that_is_not_https_takes_no_other_away() {
    let world = World::with("", |idp| idp.be(|manner| manner.also_plain = true));
    world.signed_in();
    world.server.wait_for_log(&["event=idp.metadata.endpoint_ignored", "http://idp.example/slo"]);
}

#[test]
fn signed_metadata_is_held_to_its_signature() {
    let scratch = crate::support::Scratch::new();
    let path = scratch.path("pinned.pem");
    let more = format!("    samlMetadataCertPath: {}\n", path.display());
    let world = World::with(&more, |idp| {
        std::fs::write(&path, idp.certificate()).unwrap();
        idp.be(|manner| manner.signs_metadata = true);
    });
    world.signed_in();
    // Unsigned, or signed by somebody else, it never replaces what is known.
    world.idp.be(|manner| manner.signs_metadata = false);
    world.server.wait_for_log(&["reason=no-usable-key", "not signed"]);
    world.idp.be(|manner| manner.signs_metadata = true);
    world.idp.rotate(true);
    world.server.wait_for_log(&["reason=no-usable-key", "no key of the peer"]);
    let mut person = super::browser();
    assert_eq!(
        world.open(&mut person, "/app/x").status,
        503,
        "and a provider that is not itself is not asked"
    );
}

#[test]
fn metadata_of_somebody_else_is_not_the_providers() {
    let world = World::with("    samlIDPEntityID: THE_PROVIDER\n", |_| {});
    world.signed_in();
    world.idp.be(|manner| manner.other_entity = true);
    world.server.wait_for_log(&["reason=issuer-mismatch"]);
    let mut person = super::browser();
    assert_eq!(world.open(&mut person, "/app/x").status, 503);
}

#[test]
fn a_provider_that_is_silent_goes_on_being_known() {
    let mut world = World::start();
    world.signed_in();
    let mut person = super::browser();
    let page = world.up_to_the_answer(&mut person, "/app/x");
    world.idp.refuse();
    // The answer was given before; the keys are known.
    assert_eq!(super::carry(&mut person, page).status, 200, "{}", world.server.log());
    // A new sign-in is not sent to where nobody is.
    let answer = world.open(&mut super::browser(), "/app/x");
    assert_eq!(answer.status, 503, "{}", answer.text());
    world.idp.listen();
    crate::support::until("the provider to be well again", std::time::Duration::from_secs(20), || {
        let mut person = super::browser();
        let page = person.open(&world.url("/app/x"));
        (super::message_form(&page).is_some() && super::carry(&mut person, page).status == 200).then_some(())
    });
}
