//! Authorization rules and attribute templates, linked, and their evaluation against what a session holds.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::attributes::{SourcePath, find, text_of};
use crate::config::access::{Aggregation, Authorization as Written, Rule as WrittenRule};
use crate::config::text::{ClaimPath, Part, Template as WrittenTemplate};

/// Deepest nesting of rules.
pub const DEPTH_MAX: usize = 8;

/// Where attributes are read from: those of one connector, by its name.
pub trait Attributes: Sync {
    /// What a connector said of the person, if it signed the person in.
    fn of(&self, connector: &str) -> Option<&Map<String, Value>>;
}

/// A path to an attribute of a connector the app can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributePath {
    /// Name of the connector.
    pub connector: String,
    /// Path in its attributes.
    pub path: SourcePath,
}

impl AttributePath {
    /// Of a parsed claim path.
    pub fn of(path: &ClaimPath) -> Self {
        let source = SourcePath { literal: path.path.clone(), segments: path.segments.clone() };
        AttributePath { connector: path.connector.clone(), path: source }
    }

    /// The value, if there is one. `authenticated` exists for every connector that signed the person in.
    pub fn value<'a>(&self, attributes: &'a dyn Attributes) -> Option<Cow<'a, Value>> {
        let of_connector = attributes.of(&self.connector)?;
        find(of_connector, &self.path).or_else(|| {
            (self.path.literal == "authenticated").then(|| Cow::Owned(Value::String("true".into())))
        })
    }
}

/// A text with attributes in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Attribute(AttributePath),
}

impl Template {
    /// Links a parsed template.
    pub fn of(template: &WrittenTemplate) -> Self {
        let parts = template.parts.iter().map(|part| match part {
            Part::Text(text) => Piece::Text(text.clone()),
            Part::Attribute(path) => Piece::Attribute(AttributePath::of(path)),
        });
        Template { parts: parts.collect() }
    }

    /// The text. `None` when an attribute in it has no value: a header then disappears.
    pub fn text(&self, attributes: &dyn Attributes) -> Option<String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Piece::Text(text) => out.push_str(text),
                Piece::Attribute(path) => {
                    let value = path.value(attributes)?;
                    out.push_str(&joined(&value));
                }
            }
        }
        Some(out)
    }

    /// The value of a template that is one attribute and nothing else; its text otherwise.
    fn value<'a>(&self, attributes: &'a dyn Attributes) -> Cow<'a, Value> {
        match self.parts.as_slice() {
            [Piece::Attribute(path)] => {
                path.value(attributes).unwrap_or_else(|| Cow::Owned(Value::String(String::new())))
            }
            _ => Cow::Owned(Value::String(self.text(attributes).unwrap_or_default())),
        }
    }
}

/// A list as one text: members joined by commas, commas inside a member percent-encoded, so that a group
/// named `a,b` cannot look like two groups.
fn joined(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Array(list) => {
            let members = list.iter().map(|v| text_of(v).replace('%', "%25").replace(',', "%2C"));
            Cow::Owned(members.collect::<Vec<_>>().join(","))
        }
        one => text_of(one),
    }
}

/// Who of the signed-in people may pass.
#[derive(Debug, Clone)]
pub enum Authorization {
    /// Everyone.
    Everyone,
    /// Nobody: a block that is absent, or allows nothing.
    Nobody,
    /// Those for whom the rules hold.
    Rules(Rule),
}

/// A condition.
#[derive(Debug, Clone)]
pub enum Rule {
    /// All hold.
    And(Vec<Rule>),
    /// One holds.
    Or(Vec<Rule>),
    /// The same text.
    Equals(Template, Template),
    /// The right is a member, or a part of the text, of the left.
    Contains(Template, Template),
    /// The opposite, exactly: it also holds when the attribute is missing.
    Not(Box<Rule>),
}

/// A fault in a rule: where below the block (a pointer suffix), and what.
pub type RuleFault = (String, String);

impl Authorization {
    /// Links a block; faults are collected.
    pub fn of(written: &Written, faults: &mut Vec<RuleFault>) -> Self {
        if written.allow_all {
            return Authorization::Everyone;
        }
        if written.rules.is_empty() {
            return Authorization::Nobody;
        }
        let rules = list(&written.rules, "/rules", 1, faults);
        Authorization::Rules(match written.rules_aggregation_method {
            Aggregation::And => Rule::And(rules),
            Aggregation::Or => Rule::Or(rules),
        })
    }

    /// Whether a person with these attributes may pass.
    pub fn permits(&self, attributes: &dyn Attributes) -> bool {
        match self {
            Authorization::Everyone => true,
            Authorization::Nobody => false,
            Authorization::Rules(rule) => rule.holds(attributes),
        }
    }
}

fn list(rules: &[WrittenRule], at: &str, depth: usize, faults: &mut Vec<RuleFault>) -> Vec<Rule> {
    rules.iter().enumerate().filter_map(|(i, rule)| one(rule, &format!("{at}/{i}"), depth, faults)).collect()
}

fn one(rule: &WrittenRule, at: &str, depth: usize, faults: &mut Vec<RuleFault>) -> Option<Rule> {
    if depth > DEPTH_MAX {
        faults.push((at.to_owned(), format!("rules are nested deeper than {DEPTH_MAX}")));
        return None;
    }
    if let Some(rules) = &rule.and {
        return Some(Rule::And(list(rules, &format!("{at}/and"), depth + 1, faults)));
    }
    if let Some(rules) = &rule.or {
        return Some(Rule::Or(list(rules, &format!("{at}/or"), depth + 1, faults)));
    }
    let (name, operands, negated) = if let Some(o) = &rule.equals {
        ("equals", o, false)
    } else if let Some(o) = &rule.not_equals {
        ("notEquals", o, true)
    } else if let Some(o) = &rule.contains {
        ("contains", o, false)
    } else {
        ("notContains", rule.not_contains.as_ref()?, true)
    };
    let mut parsed = operands.0.iter().enumerate().filter_map(|(i, operand)| {
        WrittenTemplate::parse(&operand.0)
            .map_err(|e| faults.push((format!("{at}/{name}/{i}"), e)))
            .ok()
            .map(|t| Template::of(&t))
    });
    let (left, right) = (parsed.next()?, parsed.next()?);
    let contains = name.eq_ignore_ascii_case("contains") || name == "notContains";
    if contains && operands.0.get(1).is_some_and(|o| o.0.is_empty()) {
        faults.push((format!("{at}/{name}/1"), "an empty text is contained in everything".into()));
        return None;
    }
    let positive = if contains { Rule::Contains(left, right) } else { Rule::Equals(left, right) };
    Some(if negated { Rule::Not(Box::new(positive)) } else { positive })
}

impl Rule {
    fn holds(&self, attributes: &dyn Attributes) -> bool {
        match self {
            Rule::And(rules) => rules.iter().all(|r| r.holds(attributes)),
            Rule::Or(rules) => rules.iter().any(|r| r.holds(attributes)),
            Rule::Not(rule) => !rule.holds(attributes),
            Rule::Equals(left, right) => {
                text_of(&left.value(attributes)) == text_of(&right.value(attributes))
            }
            Rule::Contains(left, right) => {
                let right = right.value(attributes);
                let wanted = text_of(&right);
                if wanted.is_empty() {
                    // A right-hand template that resolved to nothing must not open the door.
                    return false;
                }
                match &*left.value(attributes) {
                    Value::Array(list) => list.iter().any(|member| text_of(member) == wanted),
                    one => text_of(one).contains(&*wanted),
                }
            }
        }
    }

    /// Every path the rules read.
    pub fn paths<'a>(&'a self, out: &mut Vec<&'a AttributePath>) {
        match self {
            Rule::And(rules) | Rule::Or(rules) => rules.iter().for_each(|r| r.paths(out)),
            Rule::Not(rule) => rule.paths(out),
            Rule::Equals(a, b) | Rule::Contains(a, b) => {
                for template in [a, b] {
                    out.extend(template.parts.iter().filter_map(|p| match p {
                        Piece::Attribute(path) => Some(path),
                        Piece::Text(_) => None,
                    }));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct One(Map<String, Value>);

    impl Attributes for One {
        fn of(&self, connector: &str) -> Option<&Map<String, Value>> {
            (connector == "ha").then_some(&self.0)
        }
    }

    fn permits(block: Value, person: Value) -> bool {
        let written: Written = serde_json::from_value(block).unwrap();
        let mut faults = Vec::new();
        let authorization = Authorization::of(&written, &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        authorization.permits(&One(person.as_object().unwrap().clone()))
    }

    #[test]
    fn rules() {
        let groups = json!({"rules": [{"contains": ["{{ ha.groups }}", "Admins"]}]});
        assert!(permits(groups.clone(), json!({"groups": ["Admins"]})));
        assert!(!permits(groups.clone(), json!({"groups": ["NonAdmins"]})), "membership, not substring");
        assert!(permits(groups.clone(), json!({"groups": "xAdminsx"})), "substring of a single text");
        assert!(!permits(groups, json!({})));
        let not = json!({"rules": [{"notEquals": ["{{ ha.type }}", "contractor"]}]});
        assert!(permits(not.clone(), json!({})), "exact negation");
        assert!(!permits(not, json!({"type": "contractor"})));
        let both = json!({"rules": [{"equals": ["{{ ha.a }}", "1"]}, {"equals": ["{{ ha.b }}", "2"]}]});
        assert!(!permits(both.clone(), json!({"a": 1})));
        assert!(permits(both, json!({"a": 1, "b": 2})));
        let either = json!({"rulesAggregationMethod": "or", "rules": [{"equals": ["{{ ha.a }}", "1"]}, {"and": [{"equals": ["{{ ha.b }}", "2"]}]}]});
        assert!(permits(either, json!({"b": 2})));
        assert!(!permits(json!({}), json!({})), "a block that allows nothing allows nobody");
        assert!(permits(json!({"allowAll": true, "rules": [{"equals": ["a", "b"]}]}), json!({})));
        let right_template = json!({"rules": [{"contains": ["{{ ha.a }}", "{{ ha.absent }}"]}]});
        assert!(!permits(right_template, json!({"a": "x"})));
        assert!(permits(json!({"rules": [{"equals": ["{{ ha.authenticated }}", "true"]}]}), json!({})));
    }

    #[test]
    fn joined_lists_cannot_lie() {
        let template = Template::of(&WrittenTemplate::parse("{{ ha.g }}").unwrap());
        let person = One(json!({"g": ["a,b", "c%"]}).as_object().unwrap().clone());
        assert_eq!(template.text(&person).unwrap(), "a%2Cb,c%25");
        let absent = Template::of(&WrittenTemplate::parse("x {{ ha.none }}").unwrap());
        assert_eq!(absent.text(&person), None);
    }
}
