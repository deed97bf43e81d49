//! A `maverics demo` that runs, and ends with the value.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use serde_json::Value;

use crate::cli;

/// A running demo and what it announced.
pub struct Demo {
    child: Child,
    announced: Value,
}

impl Demo {
    /// On ports that are free; further arguments as given.
    pub fn start(arguments: &[&str]) -> Self {
        let mut all = vec!["demo", "--port", "0", "--json"];
        all.extend(arguments);
        let mut child = cli::program(&all).stderr(Stdio::inherit()).spawn().expect("the program starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("its standard output");
        BufReader::new(stdout).read_line(&mut line).expect("a line");
        let announced = serde_json::from_str(&line).expect("the demo announces itself in JSON");
        Demo { child, announced }
    }

    fn text(&self, pointer: &str) -> &str {
        self.announced.pointer(pointer).and_then(Value::as_str).expect(pointer)
    }

    /// The page, behind the orchestrator.
    pub fn app(&self) -> String {
        self.text("/app").to_owned()
    }

    /// The page, without signing in.
    pub fn switches(&self) -> String {
        self.text("/switches").to_owned()
    }

    /// The page's own server.
    pub fn page(&self) -> String {
        self.text("/page").to_owned()
    }

    /// A provider, by its place.
    pub fn provider(&self, place: usize) -> String {
        self.text(&format!("/providers/{place}/url")).to_owned()
    }

    /// The password of the first person, `ada`.
    pub fn password(&self) -> String {
        assert_eq!(self.text("/people/0/username"), "ada");
        self.text("/people/0/password").to_owned()
    }

    /// Where its files are.
    pub fn folder(&self) -> PathBuf {
        self.text("/folder").into()
    }

    /// Ends it as Ctrl-C does, and returns its exit code.
    pub fn interrupt(&mut self) -> i32 {
        let id = self.child.id().to_string();
        let told = std::process::Command::new("kill").args(["-INT", &id]).status().expect("kill");
        assert!(told.success());
        self.child.wait().expect("the demo ends").code().expect("an exit code")
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // So that it removes its folder; what does not listen is killed.
        if let Ok(None) = self.child.try_wait() {
            let id = self.child.id().to_string();
            let _ = std::process::Command::new("kill").args(["-INT", &id]).status();
            let _ = self.child.wait();
        }
    }
}
