//! What is not acceptable: one page for all of it, and the reason in the log. Each case changes one thing in an
//! answer that the same test first shows to be good. The engine's own cases are many more.

use super::{World, browser, carry};

fn replace(from: &'static str, to: &'static str) -> impl Fn(String) -> String + Send + Sync + 'static {
    move |xml| {
        assert!(xml.contains(from), "{from}: {xml}");
        xml.replacen(from, to, 1)
    }
}

/// What lies between two texts, with them.
fn cut(xml: &str, from: &str, to: &str) -> (String, String, String) {
    let start = xml.find(from).unwrap_or_else(|| panic!("{from}: {xml}"));
    let end = start + xml[start..].find(to).unwrap_or_else(|| panic!("{to}: {xml}")) + to.len();
    (xml[..start].to_owned(), xml[start..end].to_owned(), xml[end..].to_owned())
}

#[test]
fn the_person_reads_the_same_words_and_the_log_has_the_reason() {
    let world = World::start();
    let mut words: Vec<String> = Vec::new();
    type Tamper = Box<dyn Fn(String) -> String + Send + Sync>;
    let cases: Vec<(&str, Tamper)> = vec![
        ("signature-invalid", Box::new(replace(">ada@example.com<", ">eve@example.com<"))),
        (
            "signature-missing",
            Box::new(|xml| {
                let (before, _, after) = cut(&xml, "<ds:Signature ", "</ds:Signature>");
                before + &after
            }),
        ),
        ("destination", Box::new(replace("/acs\"", "/other\""))),
        (
            "in-response-to",
            Box::new(|xml| {
                let (before, _, after) = cut(&xml, "InResponseTo=\"", "\">");
                format!("{before}InResponseTo=\"_another\">{after}")
            }),
        ),
        ("issuer", Box::new(replace("/idp</saml:Issuer>", "/evil</saml:Issuer>"))),
        (
            "assertions",
            Box::new(|xml| {
                let (before, assertion, after) = cut(&xml, "<saml:Assertion ", "</saml:Assertion>");
                let other = assertion.replacen(" ID=\"", " ID=\"_evil", 1);
                let (head, _, tail) = cut(&other, "<ds:Signature ", "</ds:Signature>");
                format!("{before}{head}{tail}{assertion}{after}")
            }),
        ),
        ("doctype", Box::new(|xml| format!("<!DOCTYPE x [<!ENTITY e \"v\">]>{xml}"))),
    ];
    let expected: Vec<&str> = cases.iter().map(|(code, _)| *code).collect();
    assert_eq!(expected.len(), 7);
    for (code, tamper) in cases {
        world.idp.be_honest();
        world.signed_in();
        world.idp.tamper(tamper);
        let mut person = browser();
        let page = world.open(&mut person, "/app/x");
        assert_eq!(page.status, 400, "{code}: {}", page.text());
        assert!(!world.is_in(&person), "{code}");
        world.server.wait_for_log(&["event=login.rejected", "reason=answer-refused", code]);
        let text = page.text();
        let (before, _, after) = cut(&text, "Reference for the help desk: ", "</small>");
        // The way on names the page that was asked for.
        words.push(before + &after);
    }
    words.dedup();
    assert_eq!(words.len(), 1, "{words:#?}");
    assert!(!words[0].contains("signature"));
}

#[test]
fn an_answer_for_another_browser_is_none() {
    let world = World::start();
    let (mut victim, mut attacker) = (browser(), browser());
    let page = world.up_to_the_answer(&mut attacker, "/app/x");
    let got = carry(&mut victim, page);
    assert_eq!(got.status, 400);
    assert!(!world.is_in(&victim), "nobody is signed in as somebody else");
}

#[test]
fn an_answer_to_another_request_of_the_same_browser_is_none() {
    let world = World::start();
    let mut person = browser();
    let first = world.up_to_the_answer(&mut person, "/app/x");
    let second = world.up_to_the_answer(&mut person, "/app/y");
    // The first answer under the second's state.
    let (_, fields) = super::message_form(&first).unwrap();
    let (action, others) = super::message_form(&second).unwrap();
    let value =
        |fields: &[(String, String)], name: &str| fields.iter().find(|(n, _)| n == name).unwrap().1.clone();
    let mixed =
        [("SAMLResponse", value(&fields, "SAMLResponse")), ("RelayState", value(&others, "RelayState"))];
    let mixed: Vec<(&str, &str)> = mixed.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let answer = person.send(&crate::support::browser::Request::form(action.as_str(), &mixed));
    assert_eq!(answer.status, 400);
    world.server.wait_for_log(&["event=login.rejected", "in-response-to"]);
    assert!(!world.is_in(&person));
}
