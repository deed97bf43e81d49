//! OpenLDAP's slapd, with a directory of its own: the real peer of the LDAP connector.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use super::authority::Authority;
use super::{Process, START_LIMIT, Scratch, free_port, skip, until};

/// The search base.
pub const BASE: &str = "dc=example,dc=com";
/// The service account.
pub const SERVICE: &str = "cn=service,dc=example,dc=com";
/// Its password.
pub const SERVICE_PASSWORD: &str = "service pass";
/// People named `user1` and on, with the password [`password_of`] says.
pub const USERS: usize = 1_000;

/// The password of `userN`.
pub fn password_of(number: usize) -> String {
    format!("pass-{number}")
}

/// People whom the peers that are other providers know by the same passwords: enough of them that nobody is
/// taken for one who guesses.
pub fn guests() -> impl Iterator<Item = String> {
    (1..=40).map(|number| format!("guest{number}"))
}

/// A server; it ends with the test.
pub struct Slapd {
    process: Process,
    folder: PathBuf,
    log: PathBuf,
    /// Port of `ldap://`.
    pub port: u16,
    /// Port of `ldaps://`.
    pub tls_port: u16,
    starts: usize,
}

impl Slapd {
    /// Starts one with its people, and a certificate for `localhost` and 127.0.0.1 of `authority`. `None` when the
    /// test is to be skipped.
    pub fn start(scratch: &Scratch, name: &str, authority: &Authority) -> Option<Self> {
        if !Path::new("/usr/sbin/slapd").exists() {
            skip("slapd");
            return None;
        }
        let folder = scratch.path(name);
        std::fs::create_dir_all(folder.join("db")).expect("a folder of ours");
        let (certificate, key) = authority.sign(&["localhost", "127.0.0.1"]);
        for (file, text) in [
            ("ca.pem", authority.pem.as_str()),
            ("server.crt", &certificate),
            ("server.key", &key),
            ("slapd.conf", &configuration(&folder)),
            ("people.ldif", &people()),
        ] {
            std::fs::write(folder.join(file), text).expect("a file of ours");
        }
        let mut add = Command::new("/usr/sbin/slapadd");
        add.arg("-q").arg("-f").arg(folder.join("slapd.conf")).arg("-l").arg(folder.join("people.ldif"));
        let added = add.stdin(Stdio::null()).output().expect("slapadd runs");
        assert!(added.status.success(), "slapadd: {}", String::from_utf8_lossy(&added.stderr));
        let (port, tls_port) = (free_port(), free_port());
        let log = folder.join("slapd.log");
        let process = Self::spawn(&folder, &log, port, tls_port);
        let mut slapd = Slapd { process, folder, log, port, tls_port, starts: 1 };
        slapd.wait();
        Some(slapd)
    }

    fn spawn(folder: &Path, log: &Path, port: u16, tls_port: u16) -> Process {
        let mut command = Command::new("/usr/sbin/slapd");
        // `-d` keeps it in the foreground; 256 writes a line for each operation.
        command.args(["-d", "256", "-f"]).arg(folder.join("slapd.conf"));
        command.arg("-h").arg(format!("ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}"));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Process::start("slapd", command, log.to_owned()).expect("slapd starts")
    }

    fn wait(&mut self) {
        let port = self.port;
        until("slapd to listen", START_LIMIT, || {
            assert!(self.process.is_running(), "slapd ended early:\n{}", self.process.log());
            std::net::TcpStream::connect(("127.0.0.1", port)).ok()
        });
    }

    /// `ldap://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }

    /// `ldaps://localhost:port`.
    pub fn tls_url(&self) -> String {
        format!("ldaps://localhost:{}", self.tls_port)
    }

    /// `STOP`, `CONT`.
    pub fn signal(&self, signal: &str) {
        self.process.signal(signal);
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Starts it again, on the same ports with the same people.
    pub fn start_again(&mut self) {
        self.process.kill();
        self.log = self.folder.join(format!("slapd-{}.log", self.starts));
        self.starts += 1;
        self.process = Self::spawn(&self.folder, &self.log, self.port, self.tls_port);
        self.wait();
    }

    /// What it wrote since its last start.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Names that were bound, in order, since its last start.
    pub fn binds(&self) -> Vec<String> {
        let log = self.log();
        let names = log.lines().filter_map(|line| {
            let (_, rest) = line.split_once(" BIND dn=\"")?;
            rest.strip_suffix(" method=128")?.strip_suffix('"').map(str::to_owned)
        });
        names.collect()
    }

    /// Waits until so many binds as somebody below `ou=people` were seen.
    pub fn wait_for_binds(&self, name: &str, count: usize) {
        until(&format!("{count} binds as {name}"), Duration::from_secs(10), || {
            (self.binds().iter().filter(|bound| *bound == name).count() >= count).then_some(())
        });
    }
}

fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
moduleload ppolicy
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.crt
TLSCertificateKeyFile {folder}/server.key
threads 8
database mdb
suffix \"{BASE}\"
rootdn \"cn=root,{BASE}\"
rootpw root
directory {folder}/db
maxsize 67108864
dbnosync
index objectClass,uid,cn,mail,member eq
overlay ppolicy
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact=\"{SERVICE}\" read by * auth
"
    )
}

/// Everybody, as LDIF: the service account, `user1` and on, people who make trouble, people whose passwords are not
/// what they were, and groups, two of which are in each other.
fn people() -> String {
    let mut ldif = format!(
        "dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: Example\n\n\
         dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n\n\
         dn: ou=admins,{BASE}\nobjectClass: organizationalUnit\nou: admins\n\n\
         dn: ou=groups,{BASE}\nobjectClass: organizationalUnit\nou: groups\n\n\
         dn: {SERVICE}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: service\nuserPassword: {SERVICE_PASSWORD}\n\n"
    );
    let mut policies = format!("dn: ou=policies,{BASE}\nobjectClass: organizationalUnit\nou: policies\n\n");
    let mut person = |rdn: &str, uid: &str, password: &str, more: &str| {
        let _ = write!(
            ldif,
            "dn: {rdn},{BASE}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: Person\nuserPassword: {password}\n{more}\n"
        );
    };
    for number in 1..=USERS {
        let mail = format!("mail: user{number}@example.com\n");
        person(&format!("uid=user{number},ou=people"), &format!("user{number}"), &password_of(number), &mail);
    }
    person(
        "uid=alice,ou=people",
        "alice",
        "correct horse",
        "mail: alice@example.com\nmail: a.lee@example.com\ndisplayName;lang-de: Älice\nuserCertificate;binary:: MAMCAQE=\n\
         memberOf: cn=staff,ou=groups,dc=example,dc=com\njpegPhoto:: /9j/4A==\n",
    );
    for guest in guests() {
        let (password, mail) = (format!("password-of-{guest}"), format!("mail: {guest}@example.com\n"));
        person(&format!("uid={guest},ou=people"), &guest, &password, &mail);
    }
    // A password that was set for them by others, and one that expired long ago: for these two alone there is a policy.
    for (policy, rules) in [
        ("reset", "pwdMustChange: TRUE"),
        ("late", "pwdMaxAge: 60\npwdGraceAuthNLimit: 2"),
        ("gone", "pwdMaxAge: 60"),
    ] {
        let more =
            format!("pwdPolicySubentry: cn={policy},ou=policies,{BASE}\npwdChangedTime: 20200101000000Z\n");
        let more = if policy == "reset" { format!("{more}pwdReset: TRUE\n") } else { more };
        person(&format!("uid={policy},ou=people"), policy, &format!("{policy} pass"), &more);
        policies.push_str(&format!(
            "dn: cn={policy},ou=policies,{BASE}\nobjectClass: device\nobjectClass: pwdPolicy\ncn: {policy}\npwdAttribute: userPassword\n{rules}\n\n"
        ));
    }
    // The same name twice.
    person("uid=twin,ou=people", "twin", "twin pass", "");
    person("uid=twin,ou=admins", "twin", "twin pass", "");
    person("uid=a,ou=admins", "a", "admin pass", "");
    ldif.push_str(&policies);
    let mut group = |name: &str, members: &[&str]| {
        let _ = write!(ldif, "dn: cn={name},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: {name}\n");
        members.iter().for_each(|member| {
            let _ = writeln!(ldif, "member: {member},{BASE}");
        });
        ldif.push('\n');
    };
    group("staff", &["uid=alice,ou=people", "uid=user1,ou=people"]);
    group("everyone", &["cn=staff,ou=groups", "cn=circle,ou=groups"]);
    group("circle", &["cn=everyone,ou=groups"]);
    group("others", &["uid=user2,ou=people"]);
    ldif
}
