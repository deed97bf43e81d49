//! Authorization rules and attribute templates, linked, and their evaluation against what a session holds.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::attributes::{SourcePath, find, is_withheld, text_of};
use super::manner::{Manner, Manners, entry_name};
use crate::config::access::{Aggregation, Authorization as Written, Rule as WrittenRule};
use crate::config::text::{ClaimPath, Part, Template as WrittenTemplate};
use crate::protocol::ldap::dn;

/// The attribute that every connector has once it signed the person in.
pub const AUTHENTICATED: &str = "authenticated";
/// Deepest nesting of rules.
pub const DEPTH_MAX: usize = 8;

/// Where attributes are read from: those of one connector, by its name.
pub trait Attributes: Sync {
    /// What a connector said of the person, if it signed the person in or was asked about the person. Of one that
    /// did neither nobody knows what it would say, so that no rule that reads it holds, be it a negated one.
    fn of(&self, connector: &str) -> Option<&Map<String, Value>>;

    /// Whether that is all it says. Of a part, what is not there is not known.
    fn is_whole(&self, _connector: &str) -> bool {
        true
    }

    /// Whether it signed the person in: what `authenticated` says.
    fn signed_in(&self, connector: &str) -> bool {
        self.of(connector).is_some()
    }
}

/// A path to an attribute of a connector the app can use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributePath {
    /// Name of the connector.
    pub connector: String,
    /// Path in its attributes.
    pub path: SourcePath,
    /// How the connector is read.
    pub manner: Manner,
}

impl AttributePath {
    /// Of a parsed claim path.
    pub fn of(path: &ClaimPath, manners: &Manners) -> Self {
        let manner = manners.of(&path.connector);
        let source = SourcePath {
            literal: path.path.clone(),
            segments: path.segments.clone(),
            any_case: manner.any_case,
        };
        AttributePath { connector: path.connector.clone(), path: source, manner }
    }

    /// Whether it is known what is there, be it nothing. Who signed the person in always is.
    fn is_known(&self, attributes: &dyn Attributes) -> bool {
        let is_there = |of| attributes.is_whole(&self.connector) || find(of, &self.path).is_some();
        self.path.literal == AUTHENTICATED
            || attributes.of(&self.connector).is_some_and(|of| !is_withheld(of, &self.path) && is_there(of))
    }

    /// The value, if there is one. `authenticated` exists for every connector that signed the person in.
    pub fn value<'a>(&self, attributes: &'a dyn Attributes) -> Option<Cow<'a, Value>> {
        if self.path.literal == AUTHENTICATED {
            // Ours to say, whatever a provider calls so.
            let signed_in = attributes.signed_in(&self.connector);
            return signed_in.then(|| Cow::Owned(Value::String("true".into())));
        }
        find(attributes.of(&self.connector)?, &self.path)
    }

    /// The value as one text, lists joined.
    pub fn text(&self, attributes: &dyn Attributes) -> Option<String> {
        Some(self.manner.joined(&*self.value(attributes)?).into_owned())
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
    pub fn of(template: &WrittenTemplate, manners: &Manners) -> Self {
        let parts = template.parts.iter().map(|part| match part {
            Part::Text(text) => Piece::Text(text.clone()),
            Part::Attribute(path) => Piece::Attribute(AttributePath::of(path, manners)),
        });
        Template { parts: parts.collect() }
    }

    /// The text. `None` when an attribute in it has no value: a header then disappears.
    pub fn text(&self, attributes: &dyn Attributes) -> Option<String> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Piece::Text(text) => out.push_str(text),
                Piece::Attribute(path) => out.push_str(&path.text(attributes)?),
            }
        }
        Some(out)
    }

    /// Whether everything in it is known.
    fn is_known(&self, attributes: &dyn Attributes) -> bool {
        self.parts.iter().all(|part| match part {
            Piece::Text(_) => true,
            Piece::Attribute(path) => path.is_known(attributes),
        })
    }

    /// The attribute of a template that is one and nothing else.
    fn attribute(&self) -> Option<&AttributePath> {
        match self.parts.as_slice() {
            [Piece::Attribute(path)] => Some(path),
            _ => None,
        }
    }

    /// The value of a template that is one attribute and nothing else; its text otherwise.
    fn value<'a>(&self, attributes: &'a dyn Attributes) -> Cow<'a, Value> {
        match self.attribute() {
            Some(path) => path.value(attributes).unwrap_or_else(|| Cow::Owned(Value::String(String::new()))),
            None => Cow::Owned(Value::String(self.text(attributes).unwrap_or_default())),
        }
    }

    /// The text that rules compare. A set of one is its member, without the escapes that keep several apart.
    fn compared(&self, attributes: &dyn Attributes) -> String {
        match &*self.value(attributes) {
            Value::Array(list) if list.len() == 1 => list.iter().map(text_of).collect(),
            _ => self.text(attributes).unwrap_or_default(),
        }
    }
}

/// What a rule looks for in an attribute.
struct Wanted {
    text: String,
    /// The attribute may be a directory's, which compares names of entries as such.
    gives_dns: bool,
}

impl Wanted {
    fn new(text: String, read: &[&Template]) -> Self {
        let gives_dns = read.iter().any(|t| t.attribute().is_some_and(|path| path.manner.gives_dns));
        Wanted { text, gives_dns }
    }

    fn is(&self, text: &str) -> bool {
        if text == self.text || !self.gives_dns {
            return text == self.text;
        }
        // Most names are written so that they compare as texts, and people are in hundreds of groups.
        if !text.eq_ignore_ascii_case(&self.text) && dn::is_plain(text) && dn::is_plain(&self.text) {
            return false;
        }
        entry_name(text).is_some_and(|name| entry_name(&self.text) == Some(name))
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
    /// The opposite, exactly: it also holds when the attribute is known to be missing.
    Not(Box<Rule>),
}

/// What rules say of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// May pass.
    Permitted,
    /// May not.
    Denied,
    /// It hangs on attributes that are not known at the moment: may not pass now.
    Undecided,
}

/// A fault in a rule: where below the block (a pointer suffix), and what.
pub type RuleFault = (String, String);

impl Authorization {
    /// Links a block; faults are collected.
    pub fn of(written: &Written, manners: &Manners, faults: &mut Vec<RuleFault>) -> Self {
        if written.allow_all {
            return Authorization::Everyone;
        }
        if written.rules.is_empty() {
            return Authorization::Nobody;
        }
        let rules = list(&written.rules, "/rules", 1, manners, faults);
        Authorization::Rules(match written.rules_aggregation_method {
            Aggregation::And => Rule::And(rules),
            Aggregation::Or => Rule::Or(rules),
        })
    }

    /// Whether a person with these attributes may pass.
    pub fn permits(&self, attributes: &dyn Attributes) -> bool {
        self.decide(attributes) == Decision::Permitted
    }

    /// The same, with what could not be decided told from a "no".
    pub fn decide(&self, attributes: &dyn Attributes) -> Decision {
        match self {
            Authorization::Everyone => Decision::Permitted,
            Authorization::Nobody => Decision::Denied,
            Authorization::Rules(rule) => match rule.holds(attributes) {
                Some(true) => Decision::Permitted,
                Some(false) => Decision::Denied,
                None => Decision::Undecided,
            },
        }
    }
}

fn list(
    rules: &[WrittenRule],
    at: &str,
    depth: usize,
    manners: &Manners,
    faults: &mut Vec<RuleFault>,
) -> Vec<Rule> {
    let one = |(i, rule)| one(rule, &format!("{at}/{i}"), depth, manners, faults);
    rules.iter().enumerate().filter_map(one).collect()
}

fn one(
    rule: &WrittenRule,
    at: &str,
    depth: usize,
    manners: &Manners,
    faults: &mut Vec<RuleFault>,
) -> Option<Rule> {
    if depth > DEPTH_MAX {
        faults.push((at.to_owned(), format!("rules are nested deeper than {DEPTH_MAX}")));
        return None;
    }
    if let Some(rules) = &rule.and {
        return Some(Rule::And(list(rules, &format!("{at}/and"), depth + 1, manners, faults)));
    }
    if let Some(rules) = &rule.or {
        return Some(Rule::Or(list(rules, &format!("{at}/or"), depth + 1, manners, faults)));
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
            .map(|t| Template::of(&t, manners))
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
    /// `None` when it hangs on what is not known: the logic of three values, in which "not" of the unknown is
    /// unknown, and one side of "or" that holds is enough.
    fn holds(&self, attributes: &dyn Attributes) -> Option<bool> {
        // The first that settles it, else unknown if one is, else the other way.
        let settled = |rules: &[Rule], by: bool| {
            let mut unknown = false;
            for rule in rules {
                match rule.holds(attributes) {
                    Some(holds) if holds == by => return Some(by),
                    Some(_) => {}
                    None => unknown = true,
                }
            }
            (!unknown).then_some(!by)
        };
        match self {
            Rule::And(rules) => settled(rules, false),
            Rule::Or(rules) => settled(rules, true),
            Rule::Not(rule) => rule.holds(attributes).map(|holds| !holds),
            Rule::Equals(left, right) | Rule::Contains(left, right)
                if !left.is_known(attributes) || !right.is_known(attributes) =>
            {
                None
            }
            Rule::Equals(left, right) => {
                let wanted = Wanted::new(right.compared(attributes), &[left, right]);
                Some(wanted.is(&left.compared(attributes)))
            }
            Rule::Contains(left, right) => {
                let wanted = Wanted::new(right.compared(attributes), &[left]);
                if wanted.text.is_empty() {
                    // A right-hand template that resolved to nothing must not open the door.
                    return Some(false);
                }
                Some(match &*left.value(attributes) {
                    Value::Array(list) => list.iter().any(|member| wanted.is(&text_of(member))),
                    one => text_of(one).contains(&wanted.text) || wanted.is(&text_of(one)),
                })
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
        let authorization = Authorization::of(&written, &Manners::default(), &mut faults);
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

    /// A directory that cannot be asked: its attributes are not known, those of the sign-in are.
    struct Cut(Map<String, Value>);

    impl Attributes for Cut {
        fn of(&self, connector: &str) -> Option<&Map<String, Value>> {
            (connector == "ha").then_some(&self.0)
        }
    }

    /// A part of what a connector says.
    struct Part(Map<String, Value>);

    impl Attributes for Part {
        fn of(&self, connector: &str) -> Option<&Map<String, Value>> {
            (connector == "ha").then_some(&self.0)
        }

        fn is_whole(&self, _: &str) -> bool {
            false
        }
    }

    #[test]
    fn of_a_part_what_is_not_there_is_not_known() {
        let part = Part(json!({"a": "1", "list": ["x"]}).as_object().unwrap().clone());
        for (rule, want) in [
            (json!({"equals": ["{{ ha.a }}", "1"]}), Decision::Permitted),
            (json!({"notEquals": ["{{ ha.a }}", "1"]}), Decision::Denied),
            (json!({"notEquals": ["{{ ha.b }}", "1"]}), Decision::Undecided),
            (json!({"equals": ["{{ ha.b }}", "1"]}), Decision::Undecided),
            (json!({"notContains": ["{{ ha.list.1 }}", "y"]}), Decision::Undecided),
            (json!({"equals": ["{{ ha.authenticated }}", "true"]}), Decision::Permitted),
        ] {
            let written: Written = serde_json::from_value(json!({"rules": [rule]})).unwrap();
            let authorization = Authorization::of(&written, &Manners::default(), &mut Vec::new());
            assert_eq!(authorization.decide(&part), want, "{rule}");
        }
    }

    #[test]
    fn what_a_directory_withholds_is_not_known() {
        let rule = |any_case| {
            let path = AttributePath {
                connector: "ha".into(),
                path: SourcePath { any_case, ..SourcePath::parse("KIND").unwrap() },
                manner: Manner { any_case, ..Manner::default() },
            };
            let (read, other) = (
                Template { parts: vec![Piece::Attribute(path)] },
                Template { parts: vec![Piece::Text("x".into())] },
            );
            Rule::Not(Box::new(Rule::Equals(read, other)))
        };
        let person = |value: Value| Cut(json!({"kind": value}).as_object().unwrap().clone());
        for any_case in [true, false] {
            assert_eq!(rule(any_case).holds(&person(Value::Null)), None, "{any_case}");
        }
        assert_eq!(rule(true).holds(&person(json!("y"))), Some(true));
    }

    #[test]
    fn whoever_did_not_sign_in_is_not_known() {
        let person = One(json!({"authenticated": "no", "type": null}).as_object().unwrap().clone());
        for (rules, want) in [
            (json!([{"equals": ["{{ ha.authenticated }}", "true"]}]), Decision::Permitted),
            (json!([{"equals": ["{{ other.authenticated }}", "true"]}]), Decision::Denied),
            (json!([{"notEquals": ["{{ other.authenticated }}", "true"]}]), Decision::Permitted),
            (json!([{"equals": ["{{ other.type }}", "x"]}]), Decision::Undecided),
            (json!([{"notEquals": ["{{ other.type }}", "contractor"]}]), Decision::Undecided),
            (json!([{"notContains": ["{{ other.groups }}", "banned"]}]), Decision::Undecided),
            (json!([{"notEquals": ["{{ ha.type }}", "contractor"]}]), Decision::Undecided),
            (json!([{"notEquals": ["{{ ha.TYPE }}", "contractor"]}]), Decision::Undecided),
            (json!([{"notEquals": ["{{ ha.type.0 }}", "contractor"]}]), Decision::Undecided),
            (json!([{"notEquals": ["{{ ha.said.nothing }}", "contractor"]}]), Decision::Permitted),
        ] {
            let written: Written = serde_json::from_value(json!({"rules": rules})).unwrap();
            let linked = Authorization::of(&written, &Manners::default(), &mut Vec::new());
            assert_eq!(linked.decide(&person), want, "{rules}");
        }
    }

    #[test]
    fn one_group_is_asked_for_as_several_are() {
        let group = "cn=admins,ou=groups,dc=x";
        let (contains, lacks) = (
            json!({"rules": [{"contains": ["{{ ha.g }}", group]}]}),
            json!({"rules": [{"notContains": ["{{ ha.g }}", group]}]}),
        );
        let (equals, differs) = (
            json!({"rules": [{"equals": ["{{ ha.g }}", group]}]}),
            json!({"rules": [{"notEquals": ["{{ ha.g }}", group]}]}),
        );
        for (groups, is_in, is_it) in [
            (json!([group]), true, true),
            (json!([group, "cn=b,dc=x"]), true, false),
            (json!(["cn=zcn=admins,ou=groups,dc=x"]), false, false),
            (json!([]), false, false),
            // What a provider gives as a text stays one.
            (json!("cn=zcn=admins,ou=groups,dc=x"), true, false),
        ] {
            let person = json!({"g": groups});
            assert_eq!(permits(contains.clone(), person.clone()), is_in, "{person}");
            assert_eq!(permits(lacks.clone(), person.clone()), !is_in, "{person}");
            assert_eq!(permits(equals.clone(), person.clone()), is_it, "{person}");
            assert_eq!(permits(differs.clone(), person.clone()), !is_it, "{person}");
        }
        let of_another = json!({"rules": [{"contains": ["{{ ha.all }}", "{{ ha.g }}"]}]});
        assert!(permits(of_another, json!({"all": [group, "x"], "g": [group]})));
    }

    #[test]
    fn a_directory_compares_names_of_entries() {
        let rule = |gives_dns, contains, right: &str| {
            let path = AttributePath {
                connector: "ha".into(),
                path: SourcePath::parse("g").unwrap(),
                manner: Manner { gives_dns, ..Manner::default() },
            };
            let left = Template { parts: vec![Piece::Attribute(path)] };
            let right = Template { parts: vec![Piece::Text(right.into())] };
            if contains { Rule::Contains(left, right) } else { Rule::Equals(left, right) }
        };
        let banned = "cn=banned, ou=groups,dc=x";
        for (value, right, directory, elsewhere) in [
            (json!(["CN=Banned,OU=groups,DC=x", "cn=b,dc=x"]), banned, true, false),
            (json!(["CN=Banned,OU=groups,DC=x"]), banned, true, false),
            (json!("CN=Banned,OU=groups,DC=x"), banned, true, false),
            (json!(["cn=zcn=banned,ou=groups,dc=x"]), banned, false, false),
            (json!(["Banned", "cn=BANNED"]), "banned", false, false),
            (json!(["CN=Banned"]), "cn=banned", false, false),
        ] {
            let person = One(json!({"g": value}).as_object().unwrap().clone());
            assert_eq!(rule(true, true, right).holds(&person), Some(directory), "{value} {right}");
            assert_eq!(rule(false, true, right).holds(&person), Some(elsewhere), "{value} {right}");
        }
        let person = One(json!({"g": "CN=Boss,DC=x"}).as_object().unwrap().clone());
        assert_eq!(rule(true, false, "cn=boss,dc=x").holds(&person), Some(true));
        assert_eq!(rule(false, false, "cn=boss,dc=x").holds(&person), Some(false));
    }

    #[test]
    fn what_is_not_known_decides_nothing() {
        let unknown = json!({"equals": ["{{ dir.kind }}", "x"]});
        let negated = json!({"notEquals": ["{{ dir.kind }}", "contractor"]});
        let lacks = json!({"notContains": ["{{ dir.groups }}", "banned"]});
        let (yes, no) = (json!({"equals": ["{{ ha.a }}", "1"]}), json!({"equals": ["{{ ha.a }}", "2"]}));
        let person = Cut(json!({"a": 1}).as_object().unwrap().clone());
        for (rules, method, want) in [
            (json!([unknown]), "and", Decision::Undecided),
            (json!([negated]), "and", Decision::Undecided),
            (json!([lacks]), "or", Decision::Undecided),
            (json!([yes, negated]), "and", Decision::Undecided),
            (json!([negated, no]), "and", Decision::Denied),
            (json!([negated, yes]), "or", Decision::Permitted),
            (json!([negated, no]), "or", Decision::Undecided),
            (json!([{"and": [negated]}, {"or": [no]}]), "or", Decision::Undecided),
            (json!([{"equals": ["{{ ha.a }}{{ dir.kind }}", "1"]}]), "and", Decision::Undecided),
            (json!([{"contains": ["{{ ha.a }}", "{{ dir.kind }}"]}]), "and", Decision::Undecided),
        ] {
            let block = json!({"rules": rules, "rulesAggregationMethod": method});
            let written: Written = serde_json::from_value(block.clone()).unwrap();
            let linked = Authorization::of(&written, &Manners::default(), &mut Vec::new());
            assert_eq!(linked.decide(&person), want, "{block}");
            assert_eq!(linked.permits(&person), want == Decision::Permitted);
        }
    }

    #[test]
    fn joined_lists_cannot_lie() {
        let template = Template::of(&WrittenTemplate::parse("{{ ha.g }}").unwrap(), &Manners::default());
        let person = One(json!({"g": ["a,b", "c%"]}).as_object().unwrap().clone());
        assert_eq!(template.text(&person).unwrap(), "a%2Cb,c%25");
        let absent = Template::of(&WrittenTemplate::parse("x {{ ha.none }}").unwrap(), &Manners::default());
        assert_eq!(absent.text(&person), None);
    }
}
