//! A provider vouches for a person until a moment; later its sign-in decides nothing, while another one lasts.

use serde_json::Value;

use super::{World, browser, carry};
use crate::flows::{RETURN, Rp, alice};
use crate::support::browser::{Answer, Browser};
use crate::support::fake_idp::oidc::FakeIdp;

/// Seconds until the end, once three minutes are allowed to clocks that differ.
const LASTS_SECS: i64 = 20;

const APPS: &str = "  - name: cloud
    type: proxy
    routePatterns: [/cloud]
    upstream: UPSTREAM
    policies: [{location: /, authentication: {idps: [okta]}, authorization: {allowAll: true}}]
  - name: both
    type: proxy
    routePatterns: [/both]
    upstream: UPSTREAM
    headers: [{name: X-Name, value: '{{ corp.displayName }}'}]
    policies:
      - {location: /, authentication: {idps: [okta, corp]}, authorization: {allowAll: true}}
      - {location: /both/by-corp, authentication: {idps: [okta, corp]}, authorization: {rules: [{equals: ['{{ corp.authenticated }}', 'true']}]}}
      - {location: /both/not-bob, authentication: {idps: [okta, corp]}, authorization: {rules: [{notEquals: ['{{ corp.displayName }}', 'Bob']}]}}
      - {location: /both/open, authentication: {allowUnauthenticated: true}, authorization: {rules: [{equals: ['{{ corp.displayName }}', 'Ada']}]}}
  - name: second
    type: oidc
    clientID: second
    clientSecret: a-secret-of-the-second
    redirectURLs: ['RETURN']
    authentication: {idps: [okta, corp]}
    claimsMapping: {name: corp.displayName, email: okta.email}
";

#[test]
fn a_sign_in_that_ended_decides_nothing() {
    let okta = FakeIdp::start(alice());
    let world =
        World::with_apps(&okta.connector("okta", "OUR_URL/cb"), &APPS.replace("RETURN", RETURN), |idp| {
            idp.be(|manner| manner.session_secs = Some(LASTS_SECS - 180));
        });
    let mut person: Browser = browser();
    let open = |person: &mut Browser, path: &str| -> Answer {
        let answer = person.open(&world.url(path));
        carry(person, answer)
    };
    let claims = |person: &mut Browser| {
        let rp = Rp::new(&world.server.url, "second", "a-secret-of-the-second");
        let tokens = rp.tokens(person);
        Value::Object(rp.verified(&tokens).claims().clone())
    };
    assert_eq!(open(&mut person, "/cloud").status, 200, "{}", world.server.log());
    assert_eq!(open(&mut person, "/both/not-bob").status, 403, "nobody has asked the other provider");
    assert_eq!(open(&mut person, "/own").status, 200, "{}", world.server.log());
    for path in ["/both/by-corp", "/both/not-bob", "/both/open"] {
        assert_eq!(open(&mut person, path).status, 200, "{path}: {}", world.server.log());
    }
    assert_eq!(open(&mut person, "/both").json()["headers"]["x-name"], "Ada");
    assert_eq!(claims(&mut person)["name"], "Ada");
    crate::support::until("the sign-in to end", std::time::Duration::from_secs(60), || {
        (open(&mut person, "/both/by-corp").status == 403).then_some(())
    });
    for path in ["/both/not-bob", "/both/open"] {
        assert_eq!(open(&mut person, path).status, 403, "{path}");
    }
    let still = open(&mut person, "/both");
    assert_eq!(
        (still.status, &still.json()["headers"]["x-name"]),
        (200, &Value::Null),
        "the other one lasts"
    );
    let later = claims(&mut person);
    assert!(later["email"] == "alice@example.com" && later.get("name").is_none(), "{later}");
}

/// One group whose name has the delimiter in it, and one role, under names that are sets by nature.
#[test]
fn one_value_of_a_set_is_a_list() {
    let apps = "  - name: groups
    type: proxy
    routePatterns: [/groups]
    upstream: UPSTREAM
    headers: [{name: X-Groups, value: '{{ corp.http://schemas.xmlsoap.org/claims/Group }}'}, {name: X-Team, value: '{{ corp.team }}'}]
    policies:
      - {location: /, authentication: {idps: [corp]}, authorization: {allowAll: true}}
      - {location: /groups/part, authentication: {idps: [corp]}, authorization: {rules: [{contains: ['{{ corp.http://schemas.xmlsoap.org/claims/Group }}', admins]}]}}
      - {location: /groups/text, authentication: {idps: [corp]}, authorization: {rules: [{contains: ['{{ corp.team }}', admins]}]}}
";
    let world = World::with_apps("", apps, |idp| {
        idp.be(|manner| {
            manner.attributes = vec![
                ("http://schemas.xmlsoap.org/claims/Group".into(), vec!["users,admins".into()]),
                ("team".into(), vec!["users,admins".into()]),
            ];
        });
    });
    let mut person = browser();
    let answer = person.open(&world.url("/groups"));
    let headers = carry(&mut person, answer).json()["headers"].clone();
    assert_eq!(
        (&headers["x-groups"], &headers["x-team"]),
        (&"users%2Cadmins".into(), &"users,admins".into())
    );
    assert_eq!(person.get(&world.url("/groups/part")).status, 403);
    assert_eq!(person.get(&world.url("/groups/text")).status, 200);
}
