//! What tests that run the program share: a scratch folder, ports, children that end with the test, servers
//! whose log is shown when a test fails, and peers written by others.

pub mod authority;
pub mod browser;
pub mod fake_idp;
pub mod html;
pub mod raw;
pub mod saml_idp;
pub mod slapd;
pub mod upstream;

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use maverics::protocol::jose::SigningKey;
use serde_json::Value;

use crate::golden;
use browser::Browser;

/// Longest start of a server or a peer.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Whether a peer that cannot be started fails the test instead of skipping it.
#[expect(clippy::disallowed_methods, reason = "a switch for the person who runs the tests")]
fn peers_are_required() -> bool {
    std::env::var_os("MAVERICS_PEERS").is_some_and(|value| value == "required")
}

/// Whether the long runs were asked for.
#[expect(clippy::disallowed_methods, reason = "a switch for the person who runs the tests")]
pub fn long_runs() -> bool {
    std::env::var_os("MAVERICS_LONG").is_some_and(|value| value == "1")
}

/// Says that a test is skipped because something is not installed; fails it where everything must be.
pub fn skip(what: &str) {
    assert!(!peers_are_required(), "{what} is missing; tests/run installs it");
    eprintln!("skipped: {what} is missing (tests/run installs it)");
}

/// Now, for deadlines of tests: children live in real time.
#[expect(clippy::disallowed_methods, reason = "other processes are waited for in real time")]
pub fn now() -> Instant {
    Instant::now()
}

/// Looks again and again until there is something, or fails.
#[track_caller]
pub fn until<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(now() < deadline, "waited {limit:?} in vain for {what}");
        pause(20);
    }
}

/// Lets other processes do something.
#[expect(clippy::disallowed_methods, reason = "between two looks at another process there is nothing to do")]
pub fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// A folder that is gone after the test.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    pub fn new() -> Self {
        Scratch(tempfile::tempdir().expect("a scratch folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).expect("a file in the scratch folder");
        path
    }

    /// The signing key of a provider, under the name the configurations use.
    pub fn write_signing_key(&self) {
        self.write_private("sign.pem", rsa_pem());
    }

    /// A file only its owner may read.
    pub fn write_private(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let path = self.write(name, text);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a file of ours");
        path
    }
}

/// One RSA key for all tests of this run.
pub fn rsa_pem() -> &'static str {
    static PEM: OnceLock<String> = OnceLock::new();
    PEM.get_or_init(SigningKey::generate_rsa_pem)
}

/// A port nobody listens on, below those the system gives to outgoing connections.
pub fn free_port() -> u16 {
    static NEXT: OnceLock<AtomicU16> = OnceLock::new();
    const FIRST: u16 = 10_000;
    const COUNT: u16 = 20_000;
    let next =
        NEXT.get_or_init(|| AtomicU16::new((std::process::id().wrapping_mul(137) % u32::from(COUNT)) as u16));
    for _ in 0..COUNT {
        let port = FIRST + next.fetch_add(1, Ordering::Relaxed) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port");
}

/// A child process that does not outlive the test.
pub struct Process {
    child: Child,
    /// What it writes to standard error.
    pub log: PathBuf,
    name: &'static str,
    /// Peers end when this is closed.
    stdin: Option<ChildStdin>,
}

impl Process {
    pub fn start(name: &'static str, mut command: Command, log: PathBuf) -> std::io::Result<Self> {
        let file = File::create(&log)?;
        let mut child = command.stderr(file).spawn()?;
        let stdin = child.stdin.take();
        Ok(Process { child, log, name, stdin })
    }

    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// `TERM`, `STOP`, `CONT`, `KILL`.
    pub fn signal(&self, signal: &str) {
        let done = Command::new("kill").arg(format!("-{signal}")).arg(self.child.id().to_string()).status();
        assert!(done.is_ok_and(|status| status.success()), "kill -{signal} of {}", self.name);
    }

    /// A line to its standard input.
    pub fn tell(&mut self, line: &str) {
        use std::io::Write;
        let stdin = self.stdin.as_mut().expect("a pipe to it");
        writeln!(stdin, "{line}").expect("it reads");
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Its exit code, once it ends by itself.
    #[track_caller]
    pub fn exit_code(&mut self, limit: Duration) -> i32 {
        let name = self.name;
        let status =
            until(&format!("the end of {name}"), limit, || self.child.try_wait().expect("a child of ours"));
        status.code().expect("an exit code")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.stdin.take());
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let from = log.len().saturating_sub(6_000);
            let from = (from..log.len()).find(|i| log.is_char_boundary(*i)).unwrap_or(0);
            eprintln!("----- {} (end of its log) -----\n{}", self.name, &log[from..]);
        }
    }
}

/// `maverics serve`, running.
pub struct Server {
    pub process: Process,
    /// Where it listens.
    pub address: SocketAddr,
    /// `http://` and that address, or what the test says people use.
    pub url: String,
}

/// How a server is started.
pub struct Launch<'a> {
    pub scratch: &'a Scratch,
    pub yaml: &'a str,
    pub port: u16,
    pub arguments: &'a [&'a str],
    pub variables: &'a [(&'a str, &'a str)],
    /// Of the file and the log, where a test starts several.
    pub name: &'a str,
    /// Whether it listens with TLS.
    pub tls: bool,
}

impl<'a> Launch<'a> {
    pub fn new(scratch: &'a Scratch, yaml: &'a str, port: u16) -> Self {
        Launch { scratch, yaml, port, arguments: &[], variables: &[], name: "maverics", tls: false }
    }

    /// Starts, without waiting for anything.
    pub fn spawn(&self) -> Process {
        let file = self.scratch.write(&format!("{}.yaml", self.name), self.yaml);
        let mut command = Command::new(env!("CARGO_BIN_EXE_maverics"));
        command.arg("serve").arg(&file).args(["--threads", "2"]).args(self.arguments);
        if !self.arguments.contains(&"--drain-delay") {
            command.args(["--drain-delay", "0s"]);
        }

        command.env_clear().envs(self.variables.iter().copied()).current_dir(self.scratch.0.path());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Process::start("maverics", command, self.scratch.path(&format!("{}.log", self.name)))
            .expect("maverics starts")
    }

    /// Starts, and waits until the status endpoint answers.
    #[track_caller]
    pub fn start(&self) -> Server {
        let mut process = self.spawn();
        let address = SocketAddr::from(([127, 0, 0, 1], self.port));
        let url = format!("{}://127.0.0.1:{}", if self.tls { "https" } else { "http" }, self.port);
        until("the server to answer", START_LIMIT, || {
            assert!(process.is_running(), "maverics ended early:\n{}", process.log());
            if self.tls {
                return std::net::TcpStream::connect(address).ok().map(|_| ());
            }
            let answer = Browser::new().try_get(&format!("{url}/status")).ok()?;
            (answer.status == 200).then_some(())
        });
        Server { process, address, url }
    }
}

impl Server {
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Waits until the log has a line with all of these.
    #[track_caller]
    pub fn wait_for_log(&self, words: &[&str]) -> String {
        until(&format!("a log line with {words:?}"), Duration::from_secs(10), || {
            self.log().lines().find(|line| words.iter().all(|w| line.contains(w))).map(str::to_owned)
        })
    }
}

/// A program by somebody else, which prints one JSON line when it is ready.
pub struct Peer {
    pub process: Process,
    /// What it said when it was ready.
    pub ready: Value,
}

impl Peer {
    /// `node tests/peers/SCRIPT`; `None` when the test is to be skipped.
    pub fn node(scratch: &Scratch, script: &'static str, arguments: &[&str]) -> Option<Self> {
        let peers = golden::root().join("tests/peers");
        if !peers.join("node_modules").is_dir() {
            skip("tests/peers/node_modules");
            return None;
        }
        let mut command = Command::new("node");
        command.arg(peers.join(script)).args(arguments);
        Self::start(scratch, script, command)
    }

    /// `python tests/peers/SCRIPT` in its environment.
    pub fn python(scratch: &Scratch, script: &'static str, arguments: &[&str]) -> Option<Self> {
        let peers = golden::root().join("tests/peers");
        let python = peers.join(".venv/bin/python");
        if !python.exists() {
            skip("tests/peers/.venv");
            return None;
        }
        let mut command = Command::new(python);
        command.arg(peers.join(script)).args(arguments);
        Self::start(scratch, script, command)
    }

    fn start(scratch: &Scratch, name: &'static str, mut command: Command) -> Option<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let log = unused_name(scratch, name);
        let mut process = match Process::start(name, command, log) {
            Ok(process) => process,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                skip("node");
                return None;
            }
            Err(error) => panic!("{name}: {error}"),
        };
        let stdout = process.child.stdout.take().expect("a pipe");
        let (tell, told) = mpsc::channel();
        std::thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = String::new();
            let _ = stdout.read_line(&mut line);
            let _ = tell.send(line);
            // Whatever else it prints must not fill the pipe.
            let _ = std::io::copy(&mut stdout, &mut std::io::sink());
        });
        let line = told.recv_timeout(START_LIMIT).unwrap_or_default();
        let ready = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("{name} said {line:?} instead of being ready:\n{}", process.log()));
        Some(Peer { process, ready })
    }

    pub fn text(&self, member: &str) -> &str {
        self.ready[member].as_str().unwrap_or_default()
    }
}

fn unused_name(scratch: &Scratch, name: &str) -> PathBuf {
    (0..100)
        .map(|i| scratch.path(&format!("{}-{i}.log", name.replace('.', "-"))))
        .find(|path| !path.exists())
        .expect("fewer than 100 peers of a kind")
}

/// Runs a program to its end, within a time. `None` when it is not installed.
pub fn run_to_end(
    name: &'static str,
    mut command: Command,
    limit: Duration,
    log: &Path,
) -> Option<(i32, String)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut process = match Process::start(name, command, log.to_owned()) {
        Ok(process) => process,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            skip(name);
            return None;
        }
        Err(error) => panic!("{name}: {error}"),
    };
    let mut stdout = process.child.stdout.take().expect("a pipe");
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        let _ = stdout.read_to_string(&mut text);
        text
    });
    let code = process.exit_code(limit);
    Some((code, reading.join().expect("its output was read")))
}
