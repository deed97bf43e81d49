//! The SAML provider that contradicts us in other tests, by itself: what it does right it must not do because of
//! us.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use maverics::ambient::Clock;
use serde_json::json;

use crate::support::browser::{Answer, Browser, Request, encode};
use crate::support::saml_idp::{Plan, SamlIdp};
use crate::support::{Scratch, free_port, run_to_end};

const SERVICE: &str = "https://app.example.com/saml";
const CONSUMER: &str = "http://127.0.0.1:9/acs";

const METADATA: &str = r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata"
  entityID="https://app.example.com/saml">
  <md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:AssertionConsumerService index="0" isDefault="true"
      Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="http://127.0.0.1:9/acs"/>
  </md:SPSSODescriptor>
</md:EntityDescriptor>"#;

struct Scene {
    idp: SamlIdp,
    scratch: Scratch,
}

impl Scene {
    fn start(arguments: &[&str]) -> Option<Self> {
        Self::start_at(Scratch::new(), free_port(), arguments)
    }

    fn start_at(scratch: Scratch, port: u16, arguments: &[&str]) -> Option<Self> {
        let service = scratch.write("service.xml", METADATA);
        let people = json!({"alice": {"mail": "alice@example.com", "groups": ["staff", "admins"]}});
        let services = [service.to_str()?];
        let plan = Plan { port, arguments, keeps_keys: true, ..Plan::new(people, &services) };
        let idp = SamlIdp::start(&scratch, &plan)?;
        Some(Scene { idp, scratch })
    }

    /// The same provider after a sudden death.
    fn restart(self) -> Option<Self> {
        let Scene { mut idp, scratch } = self;
        idp.peer.process.kill();
        Self::start_at(scratch, idp.port, &[])
    }

    fn request(&self, consumer: &str, more: &str) -> String {
        let now = i64::try_from(Clock::system().unix().0).expect("before the end of time");
        let instant = jiff::Timestamp::from_second(now).expect("a time");
        format!(
            r#"<p:AuthnRequest xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" ID="_request" Version="2.0"
              IssueInstant="{instant}" Destination="{}/sso" AssertionConsumerServiceURL="{consumer}"
              ProtocolBinding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" {more}>
              <a:Issuer xmlns:a="urn:oasis:names:tc:SAML:2.0:assertion">{SERVICE}</a:Issuer></p:AuthnRequest>"#,
            self.idp.base
        )
    }

    fn by_redirect(&self, request: &str) -> String {
        let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
        deflated.write_all(request.as_bytes()).expect("memory");
        let message = STANDARD.encode(deflated.finish().expect("memory"));
        format!("{}/sso?{}", self.idp.base, encode(&[("SAMLRequest", &message), ("RelayState", "there")]))
    }

    /// What the provider's page posts to the service: its XML.
    #[track_caller]
    fn posted(&self, page: &Answer, relay_state: &str) -> String {
        let forms = page.forms();
        let form = forms.first().unwrap_or_else(|| panic!("no form: {}", page.text()));
        let field = |name: &str| form.fields.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str());
        assert_eq!((form.action.as_str(), form.method.as_str()), (CONSUMER, "post"));
        assert_eq!(field("RelayState"), Some(relay_state));
        let message = STANDARD.decode(field("SAMLResponse").expect("a response")).expect("base64");
        String::from_utf8(message).expect("text")
    }

    /// Whether xmlsec1 finds the assertion signed with the last certificate of the metadata.
    fn is_signed(&self, name: &str, xml: &str) -> bool {
        let metadata = Browser::new().get(&self.idp.metadata).text();
        let certificate = metadata.rsplit_once("X509Certificate>").and_then(|(before, _)| {
            let text = before.rsplit_once("X509Certificate>")?.1;
            Some(text.split('<').next()?.to_owned())
        });
        let certificate = certificate.expect("a certificate in the metadata");
        let pem = format!("-----BEGIN CERTIFICATE-----\n{certificate}\n-----END CERTIFICATE-----\n");
        let (pem, xml) = (self.scratch.write("idp.crt", &pem), self.scratch.write(name, xml));
        let mut command = Command::new("xmlsec1");
        command.args(["--verify", "--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion"]);
        command.arg("--pubkey-cert-pem").arg(pem).arg(xml);
        let log = self.scratch.path("xmlsec1.log");
        matches!(run_to_end("xmlsec1", command, Duration::from_secs(20), &log), Some((0, _)))
    }
}

const ALICE: &[(&str, &str)] = &[("login", "alice"), ("password", "password-of-alice")];

#[test]
fn it_signs_in_by_a_redirect() {
    let Some(scene) = Scene::start(&[]) else { return };
    let mut browser = Browser::new();
    let metadata = browser.get(&scene.idp.metadata);
    assert_eq!(metadata.header("content-type"), Some("application/samlmetadata+xml; charset=utf-8"));
    assert!(metadata.text().contains(&format!("entityID=\"{}\"", scene.idp.entity_id)));

    let page = browser.get(&scene.by_redirect(&scene.request(CONSUMER, "")));
    let refused = browser.submit(&page, &[("login", "alice"), ("password", "guessed")]);
    assert!(refused.text().contains("Wrong user name or password."), "{}", refused.text());
    let xml = scene.posted(&browser.submit(&refused, ALICE), "there");
    for part in ["InResponseTo=\"_request\"", "alice@example.com", ">staff<", ">admins<", SERVICE] {
        assert!(xml.contains(part), "{part} is not in {xml}");
    }
    assert!(scene.is_signed("response.xml", &xml));
    assert!(!scene.is_signed("changed.xml", &xml.replace(">admins<", ">owners<")));

    // The session answers for the person, except where the service insists.
    let again = browser.get(&scene.by_redirect(&scene.request(CONSUMER, "")));
    scene.posted(&again, "there");
    let forced = browser.get(&scene.by_redirect(&scene.request(CONSUMER, "ForceAuthn=\"true\"")));
    scene.posted(&browser.submit(&forced, ALICE), "there");
    let kinds: Vec<_> = scene.idp.seen(&mut browser).iter().map(|m| m["kind"].clone()).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| kind == "AuthnRequest"), "{kinds:?}");
}

#[test]
fn it_signs_in_by_a_post_and_unasked() {
    let Some(scene) = Scene::start(&["--name-id", "email"]) else { return };
    let mut browser = Browser::new();
    let message = STANDARD.encode(scene.request(CONSUMER, ""));
    let fields = [("SAMLRequest", message.as_str()), ("RelayState", "here")];
    let page = browser.send(&Request::form(&format!("{}/sso", scene.idp.base), &fields));
    let xml = scene.posted(&browser.submit(&page, ALICE), "here");
    assert!(xml.contains("nameid-format:emailAddress"), "{xml}");

    let unasked = browser.get(&format!("{}/initiated?RelayState=there", scene.idp.base));
    let xml = scene.posted(&unasked, "there");
    assert!(!xml.contains("InResponseTo"), "{xml}");
    let mut stranger = Browser::new();
    let page = stranger.get(&format!("{}/initiated?RelayState=there", scene.idp.base));
    scene.posted(&stranger.submit(&page, ALICE), "there");
}

#[test]
fn it_refuses_what_is_not_from_its_services() {
    let Some(scene) = Scene::start(&[]) else { return };
    let mut browser = Browser::new();
    let good = scene.request(CONSUMER, "");
    let bad = [
        ("another consumer", scene.request("http://127.0.0.1:9/elsewhere", "")),
        ("another service", good.replace(SERVICE, "https://evil.example.com/saml")),
        ("another provider", good.replace("/sso\"", "/other\"")),
        ("no XML", good.replace("</p:AuthnRequest>", "")),
    ];
    for (what, request) in bad {
        let answer = browser.get(&scene.by_redirect(&request));
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
    }
    let unsigned = scene.by_redirect(&good) + "&SigAlg=x&Signature=AAAA";
    assert_eq!(browser.get(&unsigned).status, 400, "a signature that is there is looked at");
    scene.idp.control(&mut browser, "options?want_signed_requests=yes");
    assert_eq!(browser.get(&scene.by_redirect(&good)).status, 400, "unsigned");
}

#[test]
fn its_keys_roll_over() {
    let Some(scene) = Scene::start(&[]) else { return };
    let mut browser = Browser::new();
    let sign_in = |browser: &mut Browser| {
        let page = browser.get(&scene.by_redirect(&scene.request(CONSUMER, "ForceAuthn=\"true\"")));
        scene.posted(&browser.submit(&page, ALICE), "there")
    };
    let added = scene.idp.control(&mut browser, "keys?do=add");
    assert_eq!(added["published"].as_array().map(Vec::len), Some(2));
    assert_eq!(added["signs"], added["published"][0], "published before it signs");
    let before = sign_in(&mut browser);
    scene.idp.control(&mut browser, "keys?do=switch");
    let after = sign_in(&mut browser);
    scene.idp.control(&mut browser, "keys?do=retire");
    assert!(scene.is_signed("after.xml", &after), "with the key that was added");
    assert!(!scene.is_signed("before.xml", &before), "the key before it is forgotten");

    let scene = scene.restart().expect("it was there before");
    let metadata = browser.get(&scene.idp.metadata).text();
    assert_eq!(metadata.matches("use=\"signing\"").count(), 1, "{metadata}");
    assert!(scene.is_signed("after.xml", &after), "the key outlives the process");
}
