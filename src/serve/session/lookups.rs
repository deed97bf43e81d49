//! What providers were asked about a person after the sign-in, kept as long as the session. A sign-in makes a new
//! session, so it is asked again then, and the old answers go with the old session.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use serde_json::{Map, Value};

use crate::ambient::Millis;
use crate::connector::open::Mark;

/// Most answers kept in one session; more than a configuration that anybody writes asks for.
pub const ANSWERS_MAX: usize = 64;

/// The answers of one session.
#[derive(Debug, Default)]
pub struct LookedUp(Mutex<BTreeMap<Question, Arc<Answered>>>);

/// Who was asked, and about whom. Apps that ask the same share the answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// Name of the provider.
    pub provider: String,
    /// The name of the person there; empty when the sign-in does not say it.
    pub username: String,
    /// How the provider is configured: an answer to what was asked otherwise does not count.
    pub asked_as: Mark,
}

/// One answer, or the place for it.
#[derive(Debug, Default)]
pub struct Answered {
    found: OnceLock<Map<String, Value>>,
    /// Held while somebody asks: whoever needs the same waits. Inside: the last failure.
    pub turn: tokio::sync::Mutex<Option<Failed>>,
}

/// A look-up that failed.
#[derive(Debug, Clone, Copy)]
pub struct Failed {
    /// When.
    pub at: Millis,
    /// Whether asking again may help: the provider could not answer.
    pub passing: bool,
}

impl Answered {
    /// What the provider said; nothing about somebody it does not know. `None` before it did.
    pub fn found(&self) -> Option<&Map<String, Value>> {
        self.found.get()
    }

    /// Keeps what it said.
    pub fn keep(&self, found: Map<String, Value>) {
        // Whoever holds the turn is the only one to come here, and comes once.
        let _ = self.found.set(found);
    }
}

impl LookedUp {
    /// The place for an answer.
    pub fn place(&self, question: Question) -> Arc<Answered> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(have) = answers.get(&question) {
            return have.clone();
        }
        // After a reload that changed the provider, what it said before is of no use.
        answers.retain(|old, _| old.provider != question.provider || old.asked_as == question.asked_as);
        if answers.len() >= ANSWERS_MAX {
            answers.clear();
        }
        answers.entry(question).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_belongs_to_its_question() {
        let kept = LookedUp::default();
        let question = |provider: &str, username: &str| Question {
            provider: provider.into(),
            username: username.into(),
            asked_as: Mark::default(),
        };
        kept.place(question("dir", "ada")).keep([("mail".to_owned(), "ada@x".into())].into_iter().collect());
        let mail = |username| kept.place(question("dir", username)).found().map(|a| a["mail"].clone());
        assert_eq!((mail("ada"), mail("bob")), (Some("ada@x".into()), None));
        assert!(kept.place(question("other", "ada")).found().is_none());
        for i in 0..ANSWERS_MAX {
            kept.place(question("dir", &i.to_string()));
        }
        assert!(kept.0.lock().unwrap().len() <= ANSWERS_MAX);
    }
}
