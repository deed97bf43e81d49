//! A person's browser: Chromium, by lines of JSON to `tests/peers/browser.mjs`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::golden;
use crate::support::skip;

/// The process that drives Chromium.
pub struct Browser {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    shots: PathBuf,
    scratch: tempfile::TempDir,
}

/// Where the person who runs the tests wants to have the screenshots.
#[expect(clippy::disallowed_methods, reason = "a switch for the person who runs the tests")]
fn screenshots() -> Option<PathBuf> {
    std::env::var_os("MAVERICS_SCREENSHOTS").map(PathBuf::from)
}

impl Browser {
    /// `None`, and a line that says so, where there is no browser; a failure where peers are required.
    pub fn launch() -> Option<Self> {
        let scratch = tempfile::tempdir().expect("a scratch folder");
        let shots = screenshots().unwrap_or_else(|| scratch.path().into());
        std::fs::create_dir_all(&shots).expect("the folder for screenshots");
        let peers = golden::root().join("tests/peers");
        let missing = [peers.join("node_modules/playwright-core"), "/usr/bin/chromium".into()]
            .into_iter()
            .find(|path| !path.exists());
        let spawned = Command::new("node")
            .arg(peers.join("browser.mjs"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let (None, Ok(mut child)) = (&missing, spawned) else {
            skip(&missing.map_or("node".into(), |path| path.display().to_string()));
            return None;
        };
        let stdin = child.stdin.take().expect("its standard input");
        let stdout = BufReader::new(child.stdout.take().expect("its standard output"));
        Some(Browser { child, stdin, stdout, shots, scratch })
    }

    /// A fresh browser, which the following commands mean.
    pub fn fresh(&mut self) {
        self.ask(json!({"cmd": "new"}));
    }

    /// A fresh browser that takes certificates of tests.
    pub fn fresh_trusting(&mut self) {
        self.ask(json!({"cmd": "new", "ignoreHTTPSErrors": true}));
    }

    /// A fresh browser with dark colours.
    pub fn fresh_dark(&mut self) {
        self.ask(json!({"cmd": "new", "dark": true}));
    }

    /// Opens an address.
    pub fn goto(&mut self, url: &str) -> Value {
        self.ask(json!({"cmd": "goto", "url": url}))
    }

    /// Types into a field.
    pub fn fill(&mut self, selector: &str, value: &str) {
        self.ask(json!({"cmd": "fill", "selector": selector, "value": value}));
    }

    /// Presses something; the answer tells where that led.
    pub fn click(&mut self, selector: &str) -> Value {
        self.ask(json!({"cmd": "click", "selector": selector}))
    }

    /// The value of an expression in the page.
    pub fn eval(&mut self, js: &str) -> Value {
        self.ask(json!({"cmd": "eval", "js": js}))["value"].take()
    }

    /// Nothing may be wider than what shows it, on a desk and in a hand; and what that looks like.
    #[track_caller]
    pub fn looks(&mut self, name: &str) {
        for width in [1280, 390] {
            let found = self.ask(json!({"cmd": "overflow", "width": width, "height": 800}));
            assert_eq!(
                (&found["pageScrolls"], found["elements"].as_array().map(Vec::len)),
                (&json!(false), Some(0)),
                "{name} at {width}: {found}"
            );
            let path = self.shot(&format!("{name}-{width}.png"));
            self.ask(json!({"cmd": "screenshot", "path": path, "width": width, "height": 800}));
        }
        let path = self.shot(&format!("{name}-plain.png"));
        self.ask(json!({"cmd": "noStyles", "path": path, "width": 800, "height": 800}));
        assert!(path.exists(), "{}", path.display());
    }

    /// Errors that pages reported, in the console.
    pub fn complaints(&mut self) -> Vec<String> {
        let errors = self.ask(json!({"cmd": "console"}));
        serde_json::from_value(errors["errors"].clone()).expect("a list of texts")
    }

    fn shot(&self, name: &str) -> PathBuf {
        self.shots.join(name)
    }

    #[track_caller]
    fn ask(&mut self, command: Value) -> Value {
        writeln!(self.stdin, "{command}").expect("the browser listens");
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("the browser answers");
        let answer: Value = serde_json::from_str(&line).expect("an answer in JSON");
        assert_eq!(answer["ok"], json!(true), "{command}: {answer}");
        answer
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = writeln!(self.stdin, "{}", json!({"cmd": "close"}));
        let _ = self.child.wait();
        if self.shots != Path::new(self.scratch.path()) {
            eprintln!("screenshots: {}", self.shots.display());
        }
    }
}
