//! A rule's page, and the list of all rules, as text.

use super::rule::Rule;
use super::rules::RULES;
use crate::diag::did_you_mean;

/// A rule by its name or its id. The error is what to tell somebody who misspelt it.
pub fn find(word: &str) -> Result<&'static Rule, String> {
    let same = |rule: &&&Rule| rule.code.name == word || rule.code.id.eq_ignore_ascii_case(word);
    let elsewhere = || [crate::config::codes::ALL, crate::model::codes::ALL].into_iter().flatten();
    RULES.iter().find(same).copied().ok_or_else(|| {
        if elsewhere().any(|code| code.name == word || code.id.eq_ignore_ascii_case(word)) {
            return format!("`{word}` is no rule of lint: `maverics validate` reports it");
        }
        let names = RULES.iter().map(|rule| rule.code.name);
        match did_you_mean(word, names) {
            Some(guess) => format!("there is no rule `{word}`; did you mean `{guess}`?"),
            None => format!("there is no rule `{word}`; `maverics lint --list` shows them all"),
        }
    })
}

/// The page of one rule.
pub fn page(rule: &Rule) -> String {
    let tier = match rule.tier {
        Some(tier) => format!("tier {} ({})", tier.number(), tier.name()),
        None => "every tier".to_owned(),
    };
    let code = &rule.code;
    format!(
        "{} {}: {}\nLevel: {}. Guards: {tier}.\n\n{}\n",
        code.id,
        code.name,
        code.summary,
        code.level,
        code.page.trim()
    )
}

/// One line for each rule.
pub fn list() -> String {
    let width = RULES.iter().map(|rule| rule.code.name.len()).max().unwrap_or_default();
    let mut out = String::new();
    for Rule { code, tier, .. } in RULES.iter().copied() {
        let tier = tier.map_or("-".to_owned(), |tier| tier.number().to_string());
        let level = code.level.word();
        out.push_str(&format!("{} {:width$}  {level:5}  {tier}  {}\n", code.id, code.name, code.summary));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_ids_and_guesses() {
        assert_eq!(find("mv1001").unwrap().code.name, "single-member-continuity");
        assert!(find("backup-share-vendor").unwrap_err().contains("`backup-shares-vendor`"));
        assert!(find("zzz").unwrap_err().contains("--list"));
        assert_eq!(list().lines().count(), RULES.len());
    }
}
