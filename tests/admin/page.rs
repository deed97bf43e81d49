//! The operator page, in a browser.

use serde_json::json;

use super::World;
use crate::demo::browser::Browser;
use crate::support::until;

/// What an operator has to see at once: the verdict, every member's state, the picture of its probes, who serves
/// and why, and what happened.
#[track_caller]
fn five_things(browser: &mut Browser, what: &str, level: &str, words: &[&str]) {
    let verdict = browser.eval("document.querySelector('#verdict').innerText");
    let verdict = verdict.as_str().unwrap_or_default();
    assert!(words.iter().all(|word| verdict.contains(word)), "{what}: {verdict}");
    assert_eq!(browser.eval("document.querySelector('#verdict').dataset.level"), json!(level), "{what}");
    let states = browser.eval(
        "[...document.querySelectorAll('article')].map(a => [a.dataset.name, a.querySelector('.badge').innerText.includes(a.dataset.state)])",
    );
    assert_eq!(states, json!([["strong", true], ["weak", true]]), "{what}");
    let drawn = browser.eval(
        "[...document.querySelectorAll('svg')].map(s => s.querySelectorAll('rect').length > 3 && s.getBoundingClientRect().height > 20 && s.getAttribute('aria-label').includes('probes'))",
    );
    assert_eq!(drawn, json!([true, true]), "{what}");
    let plan = browser.eval(
        "[...document.querySelectorAll('.plan tbody tr')].map(r => [r.dataset.member, r.querySelector('code').innerText === r.dataset.code, r.innerText.length > 20])",
    );
    let rows = plan.as_array().expect("rows");
    assert!(rows.len() == 2 && rows.iter().all(|row| row[1] == true && row[2] == true), "{what}: {plan}");
    let told = browser.eval("document.querySelectorAll('#history li').length");
    assert!(told.as_u64().is_some_and(|n| n >= 2), "{what}: {told}");
}

#[test]
fn what_an_operator_sees() {
    let Some(mut browser) = Browser::launch() else { return };
    let mut world = World::start();
    let page = format!("{}/", world.admin);
    let probed = |world: &World, count: usize| {
        until("some probes", super::PATIENCE, || {
            let status = world.json("/api/status");
            let enough = |p: &serde_json::Value| p["probes"].as_array().is_some_and(|p| p.len() >= count);
            status["providers"].as_array()?.iter().all(enough).then_some(())
        });
    };
    world.sign_in();
    probed(&world, 12);
    browser.fresh();
    browser.goto(&page);
    five_things(&mut browser, "all well", "good", &["All logins are served by strong"]);
    browser.looks("admin-well");

    // The first choice dies, and somebody signs in.
    world.strong.refuse();
    world.wait_for("strong", "unhealthy");
    world.sign_in();
    probed(&world, 25);
    browser.goto(&page);
    let words = ["Failover: weak serves since", "strong is unhealthy", "connection-refused"];
    five_things(&mut browser, "failover", "warn", &words);
    let history = browser.eval("document.querySelector('#history').innerText");
    assert!(
        history
            .as_str()
            .is_some_and(|h| h.contains("go to weak instead of strong") && h.contains("connection-refused")),
        "{history}"
    );
    browser.looks("admin-failover");
    browser.fresh_dark();
    browser.goto(&page);
    browser.looks("admin-failover-dark");

    // Drain, first with a wrong token.
    browser.fresh();
    browser.goto(&page);
    browser.fill("#drain-token", "wrong");
    let refused = browser.click("#drain");
    assert_eq!(refused["status"], json!(403), "{refused}");
    assert!(refused["text"].as_str().is_some_and(|t| t.contains("That is not the token.")), "{refused}");
    browser.goto(&page);
    browser.fill("#drain-token", &world.token());
    let drained = browser.click("#drain");
    assert_eq!((&drained["status"], &drained["url"]), (&json!(200), &json!(page)), "{drained}");
    assert!(drained["text"].as_str().is_some_and(|t| t.contains("This node is draining")), "{drained}");
    let held = browser.eval("document.querySelector('#drain-token').value");
    assert_eq!(held, json!(""), "the page never holds the token");
    // End the newest session from the page.
    let before = world.json("/api/sessions")["total"].as_u64().expect("a number");
    browser.eval("document.querySelector('#sessions input').checked = true");
    browser.fill("#end-token", &world.token());
    browser.click("form[action='/actions/end-session'] button");
    assert_eq!(world.json("/api/sessions")["total"].as_u64(), Some(before - 1));

    // Nobody is left.
    world.weak.refuse();
    world.wait_for("weak", "unhealthy");
    browser.goto(&page);
    five_things(
        &mut browser,
        "outage",
        "bad",
        &["Nobody can sign in", "strong is unhealthy", "weak is unhealthy"],
    );
    browser.looks("admin-outage");
    let live = browser.click("#live");
    assert!(live["url"].as_str().is_some_and(|url| url.ends_with("/?live=1")), "{live}");
    let complaints: Vec<String> = browser.complaints().into_iter().filter(|c| !c.contains("403")).collect();
    assert_eq!(complaints, [""; 0], "the console is quiet: no policy is broken");
}

#[test]
fn what_nobody_watches_is_not_said_to_be_well() {
    let watched = "healthCheck: {enabled: true";
    let world = World::with(|yaml| {
        let (first, rest) = yaml.split_at(yaml.rfind(watched).expect("the second provider's"));
        format!("{first}{}", rest.replacen(watched, "healthCheck: {enabled: false", 1))
    });
    world.wait_for("strong", "healthy");
    let page = world.get("/").text();
    assert!(page.contains("No health check watches weak: only those who sign in find out."), "{page}");
    assert!(page.contains("data-level=\"warn\""), "{page}");
}
