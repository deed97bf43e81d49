//! `maverics validate`: where files come from, what is looked up, how it ends.

use super::Transcript;
use crate::golden;

const BASIC: &str = "tests/fixtures/seeds/tier1-basic.yaml";

#[test]
fn a_clean_file_is_clean() {
    let text = "version: '1'\nhttp: {address: ':9443'}\n";
    let clean = Transcript::fed(&["validate", "-"], text);
    assert_eq!((clean.code, clean.stdout.as_str()), (0, ""));
    assert_eq!(clean.stderr, "maverics: 1 file checked: 0 errors, 0 warnings, 0 infos\n");
}

#[test]
fn the_fail_level_decides() {
    for (level, code) in [("error", 0), ("warn", 0), ("info", 1)] {
        assert_eq!(Transcript::of(&["validate", "--fail-level", level, BASIC]).code, code, "{level}");
    }
}

#[test]
fn many_mistakes_in_one_round() {
    let text = "connectors:
  - name: okta
    type: oidk
  - name: entra
    type: oidc
    oidcWellKnownURL: http://idp.example.com/.well-known/openid-configuration
    oauthClientID: 7
    healthcheck: {enabled: yes}
  - name: group
    type: continuity
    failover: {idps: [okta, entra, onprem]}
tls: []
workflows: []
";
    let found = Transcript::fed(&["validate", "-", "--stdin-filename", "maverics.yaml"], text);
    golden::check("validate/many.txt", &found.text());
}

#[test]
fn files_directories_and_the_environment() {
    let scratch = tempfile::tempdir().expect("a scratch directory");
    let write = |name: &str, text: &str| {
        let path = scratch.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        path.to_str().expect("UTF-8").to_owned()
    };
    let good = write("fleet/a/root.yaml", "version: 1\n");
    write("fleet/b/edge.json", "{\"version\": 1}");
    write("fleet/.hidden.yaml", "nonsense: 1\n");
    write("fleet/notes.txt", "not a configuration");
    std::fs::create_dir(scratch.path().join("empty")).expect("a folder");
    let at = |name: &str| scratch.path().join(name).to_str().expect("UTF-8").to_owned();

    let fleet = Transcript::of(&["validate", &at("fleet")]);
    assert_eq!(
        (fleet.code, fleet.stderr.as_str()),
        (0, "maverics: 2 files checked: 0 errors, 0 warnings, 0 infos\n")
    );
    assert_eq!(Transcript::of(&["validate", "--config", &good]).code, 0);
    assert_eq!(Transcript::with(&["validate"], &[("MAVERICS_CONFIG", good.as_str())]).code, 0);
    for arguments in [&["validate", &at("empty")][..], &["validate", &at("absent.yaml")]] {
        assert_eq!(Transcript::of(arguments).code, 3, "{arguments:?}");
    }
    std::fs::write(scratch.path().join("latin1.yaml"), b"version: caf\xe9\n").expect("a file");
    let latin = Transcript::of(&["validate", &at("latin1.yaml")]);
    assert!(latin.code == 3 && latin.stderr.contains("is not UTF-8: byte 12"), "{}", latin.stderr);
}

#[test]
fn references_are_looked_up_on_request() {
    let text = "version: 1
http: {address: '{{ env.LISTEN }}'}
connectors:
  - name: okta
    type: oidc
    oidcWellKnownURL: https://corp.okta.com/.well-known/openid-configuration
    oauthClientID: <okta.id>
    oauthClientSecret: <okta.secret>
";
    assert_eq!(Transcript::fed(&["validate", "-"], text).code, 0, "the form is right");
    let nothing = Transcript::fed(&["validate", "--resolve", "-"], text);
    golden::check("validate/unresolved.txt", &nothing.text());

    let scratch = tempfile::tempdir().expect("a scratch directory");
    let (config, secrets) = (scratch.path().join("maverics.yaml"), scratch.path().join("secrets.yaml"));
    std::fs::write(&config, text).expect("a file");
    std::fs::write(&secrets, "secrets: {okta: {id: client, secret: hunter2}}\n").expect("a file");
    let store = format!("secretfile://{}", secrets.display());
    let arguments = ["validate", "--resolve", config.to_str().expect("UTF-8")];
    let resolved =
        Transcript::with(&arguments, &[("LISTEN", "127.0.0.1:9443"), ("MAVERICS_SECRET_PROVIDER", &store)]);
    assert_eq!(resolved.code, 0, "{}{}", resolved.stdout, resolved.stderr);
    let wrong =
        Transcript::with(&arguments, &[("LISTEN", "no address"), ("MAVERICS_SECRET_PROVIDER", &store)]);
    assert!(wrong.code == 1 && !wrong.stdout.contains("hunter2"), "{}", wrong.stdout);
    let unknown = Transcript::of(&[
        "validate",
        "--resolve",
        "--secret-provider",
        "conjur://vault?token=hunter2",
        BASIC,
    ]);
    assert!(unknown.code == 3 && !unknown.stderr.contains("hunter2"), "{}", unknown.stderr);
}

#[test]
fn plain_http_is_an_exception_by_name() {
    let text = "version: 1
connectors:
  - name: lab
    type: oidc
    oidcWellKnownURL: http://idp.lab:8080/.well-known/openid-configuration
    oauthClientID: client
";
    assert_eq!(Transcript::fed(&["validate", "-"], text).code, 1);
    assert_eq!(
        Transcript::fed(&["validate", "--allow-insecure-http", "http://idp.lab:8080", "-"], text).code,
        0
    );
}

#[test]
fn extensions_are_shown_on_request() {
    let text = "version: 1\nhttp: {maxHeaderBytes: 16384, trustedProxies: [10.0.0.0/8]}\n";
    assert_eq!(Transcript::fed(&["validate", "-"], text).stdout, "");
    golden::check(
        "validate/extensions.txt",
        &Transcript::fed(&["validate", "--show-extensions", "-"], text).text(),
    );
}

#[test]
fn clusters_are_ignored_until_their_flag_is_on() {
    let cluster = "clusters:
  - name: eu
    addresses: {membership: /ip4/0.0.0.0/tcp/9450, data: /ip4/0.0.0.0/tcp/9451}
    discovery: {method: static, static: {nodes: [/dns4/node-1/tcp/9450]}}
    encryption: {psk: <cluster.key>}
http: {routing: {enabled: true, type: cluster, cluster: {name: eu}}}
";
    for (flag, code, words) in [
        ("", 0, "2 warnings"),
        ("features: {experimental.clusters: false}\n", 0, "2 warnings"),
        ("features: {experimental.clusters: Enabled}\n", 1, "2 errors"),
    ] {
        let found = Transcript::fed(&["validate", "-"], &format!("version: 1\n{flag}{cluster}"));
        assert!(
            found.code == code && found.stderr.contains(words),
            "{flag}: {}{}",
            found.stdout,
            found.stderr
        );
    }
}
