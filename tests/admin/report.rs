//! What the admin listener tells: shapes, agreement with what happened, and what it never tells.

use serde_json::json;

use super::{HOSTILE, World, fits};
use crate::support::until;

#[test]
fn what_is_told_and_what_never_is() {
    let mut world = World::start();
    let cookie = world.sign_in();
    let status = world.json("/api/status");
    fits("admin-status", &status);
    assert_eq!(status["verdict"], "healthy");
    assert_eq!(status["configuration"], HOSTILE);
    assert_eq!(status["sessions"], 1);
    let people = &status["continuity"][0];
    assert_eq!(
        (&people["name"], &people["wouldServe"], &people["reason"], &people["serving"]["name"]),
        (&json!("people"), &json!("strong"), &json!("primary"), &json!("strong"))
    );
    assert_eq!(people["others"], json!([{"name": "weak", "reason": "standby", "because": null}]));
    let strong = &status["providers"][0];
    assert_eq!((&strong["type"], &strong["unhealthyThreshold"]), (&json!("oidc"), &json!(2)));
    assert!(
        strong["probes"].as_array().is_some_and(|p| !p.is_empty()) && strong["documentsAgeSeconds"].is_u64()
    );

    // The primary dies; the next login goes elsewhere, and the history says why.
    world.strong.refuse();
    world.wait_for("strong", "unhealthy");
    world.sign_in();
    let status = world.json("/api/status");
    fits("admin-status", &status);
    assert_eq!(status["verdict"], "degraded");
    let people = &status["continuity"][0];
    assert_eq!((&people["wouldServe"], &people["serving"]["reason"]), (&json!("weak"), &json!("failover")));
    assert_eq!(
        people["others"],
        json!([{"name": "strong", "reason": "unhealthy", "because": "connection-refused"}])
    );
    let history = world.json("/api/history");
    fits("admin-history", &history);
    let turns = history["turns"].as_array().expect("turns");
    let failover = turns.iter().find(|t| t["event"] == "continuity.failover").expect("a failover");
    assert_eq!(
        [
            &failover["continuity"],
            &failover["from"],
            &failover["to"],
            &failover["reason"],
            &failover["because"]
        ],
        [
            &json!("people"),
            &json!("strong"),
            &json!("weak"),
            &json!("failover"),
            &json!("connection-refused")
        ]
    );
    assert!(turns.iter().any(|t| t["event"] == "health.state.changed" && t["to"] == "unhealthy"));
    assert_eq!(turns[0]["event"], "continuity.failover", "newest first");

    // It comes back.
    world.strong.listen();
    world.wait_for("strong", "healthy");
    world.sign_in();
    let history = world.json("/api/history");
    assert_eq!(history["turns"][0]["event"], "continuity.failback", "{history:#}");

    // Sessions by hash, and one ended by it.
    let sessions = world.json("/api/sessions");
    fits("admin-sessions", &sessions);
    let listed = sessions["sessions"].as_array().expect("sessions");
    assert_eq!((sessions["total"].as_u64(), listed.len()), (Some(3), 3));
    let by: Vec<&str> = listed.iter().filter_map(|s| s["providers"][0]["name"].as_str()).collect();
    assert_eq!(by.iter().filter(|name| **name == "weak").count(), 1, "{by:?}");
    let token = world.token();
    let hash = listed[2]["session"].as_str().expect("a hash");
    assert!(!cookie.contains(hash));
    assert_eq!(world.act("end-session", &[("token", &token), ("session", hash)]).status, 200);
    assert_eq!(world.act("end-session", &[("token", &token), ("session", hash)]).status, 404);
    assert_eq!(world.json("/api/sessions")["total"], 2);
    world.server.wait_for_log(&["event=admin.action", "action=end-session", &format!("session={hash}")]);
    let mut browser = crate::support::browser::Browser::new();
    browser.set_cookie("127.0.0.1", "maverics_session", &cookie);
    let answer = browser.get(&format!("{}/app/x", world.server.url));
    assert_eq!(answer.status, 303, "one of the ended session signs in again: {}", answer.text());

    // Nobody left: the outage is one line, however many people met it.
    world.strong.refuse();
    world.weak.refuse();
    world.wait_for("strong", "unhealthy");
    world.wait_for("weak", "unhealthy");
    assert_eq!(world.json("/api/status")["verdict"], "outage");
    for _ in 0..3 {
        let refused = crate::support::browser::Browser::new().open(&format!("{}/app/x", world.server.url));
        assert_eq!(refused.status, 503);
    }
    let history = until("the outage in the history", super::PATIENCE, || {
        let history = world.json("/api/history");
        (history["turns"][0]["times"] == 3).then_some(history)
    });
    assert_eq!(
        (&history["turns"][0]["event"], &history["turns"][0]["app"]),
        (&json!("continuity.exhausted"), &json!("page"))
    );

    // Nothing of this is anywhere: the token, a secret, a person, a cookie.
    for path in ["/", "/?live=1", "/metrics", "/api/status", "/api/history", "/api/sessions"] {
        let answer = world.get(path);
        assert_eq!(answer.status, 200, "{path}");
        let text = answer.text();
        for secret in [token.as_str(), "s3cret:of%orch+", "alice@example.com", &cookie] {
            assert!(!text.contains(secret), "{path} has {secret}");
        }
        let html = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
        assert!(!html || !text.contains("<script"), "{path}: {text}");
        for (name, value) in [("cache-control", "no-store"), ("x-content-type-options", "nosniff")] {
            assert_eq!(answer.header(name), Some(value), "{path}");
        }
    }
    let page = world.get("/");
    assert!(page.text().contains("&lt;script&gt;alert(1)"), "the label is there, as text");
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.contains("default-src 'none'") && policy.contains("form-action 'self'"), "{policy}");
    assert!(page.text().contains("Nobody can sign in"), "{}", page.text());
    assert_eq!(world.get("/no/such").status, 404);
}
