//! `maverics lb-gen`: options, refusals, the vendor's own check.

use super::Transcript;

const YAML: &str = "version: '1'
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: x
    oauthRedirectURL: http://app.localhost:9080/callback
";

fn generate(options: &[&str]) -> Transcript {
    let mut arguments = vec!["lb-gen", "haproxy", "-"];
    arguments.extend(options);
    Transcript::fed(&arguments, YAML)
}

const NODES: [&str; 4] = ["--instance", "a=127.0.0.1:9443", "--instance", "b=127.0.0.1:9444"];

#[test]
fn a_file_on_standard_output_or_in_a_directory() {
    let listen = ["--listen", "127.0.0.1:9080"];
    let written = generate(&[&NODES[..], &listen].concat());
    assert_eq!((written.code, written.stderr.as_str()), (0, ""));
    assert!(written.stdout.contains("    bind 127.0.0.1:9080\n"), "{}", written.stdout);
    assert!(written.stdout.contains("cookie maverics_lb insert"), "{}", written.stdout);
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let directory = scratch.path().join("out");
    let place = ["--output-dir", directory.to_str().expect("UTF-8")];
    let checked = generate(&[&NODES[..], &listen, &place, &["--check"]].concat());
    assert_eq!((checked.code, checked.stdout.as_str()), (0, ""), "{}", checked.stderr);
    assert_eq!(std::fs::read_to_string(directory.join("haproxy.cfg")).expect("a file"), written.stdout);
}

/// People come over plain http there, and the file says so; TLS at the balancer needs a certificate.
#[test]
fn a_plain_balancer_is_not_one_by_surprise() {
    let plain = generate(&NODES);
    assert!(
        plain.stdout.contains("    bind :80\n") && plain.stdout.contains("# Plain, because"),
        "{}",
        plain.stdout
    );
    let refused = generate(&[&NODES[..], &["--tls", "terminate"]].concat());
    assert!(refused.code == 2 && refused.stderr.contains("add `--cert PATH`"), "{}", refused.stderr);
    let secure = generate(&[&NODES[..], &["--tls", "terminate", "--cert", "/etc/lb.pem"]].concat());
    assert!(secure.stdout.contains("    bind :443 ssl crt "), "{}", secure.stdout);
}

#[test]
fn what_cannot_be_is_refused() {
    for (options, words) in [
        (&[][..], "no instance is given"),
        (&[&NODES[..], &["--affinity", "maverics_session"]].concat(), "both called `maverics_session`"),
        (&[&NODES[..], &["--tls", "reencrypt"]].concat(), "use `--tls terminate`"),
        (&["--instance", "a=h:1\nbind *:80"], "--instance a=h:1\\nbind"),
    ] {
        let refused = generate(options);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{options:?}");
        assert!(refused.stderr.contains(words), "{}", refused.stderr);
    }
    let unknown = Transcript::of(&["lb-gen", "haprxy"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("did you mean `haproxy`?"), "{}", unknown.stderr);
    let broken = Transcript::fed(&["lb-gen", "haproxy", "-"], "connectors: 7\n");
    assert!(broken.code == 1 && broken.stdout.is_empty() && broken.stderr.contains("wrong-type"));
    assert!(Transcript::of(&["lb-gen", "--list"]).stdout.starts_with("haproxy "));
}
