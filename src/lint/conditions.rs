//! What the rules of an app ask of people, condition by condition, where it is written.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Group, Member, Site};
use crate::config::text::Template;
use crate::model::manner::Manners;
use crate::model::rules::{AttributePath, Authorization};
use crate::model::{App, ProviderRef, SignIn};

/// One comparison.
#[derive(Debug)]
pub struct Condition<'a> {
    /// Where it stands: its pair of operands.
    pub pointer: String,
    /// Its key: `equals`, `notEquals`, `contains` or `notContains`.
    pub key: &'static str,
    /// Every attribute it reads.
    pub paths: Vec<AttributePath>,
    /// The left one, where it is one attribute and nothing else.
    pub left: Option<AttributePath>,
    /// For each `or` around it, the connectors that are read below that.
    pub alternatives: Vec<BTreeSet<String>>,
    /// Who signs in the people it is asked of; `None` where nobody has to.
    pub sign_in: Option<&'a SignIn>,
}

impl Condition<'_> {
    /// Whether it holds where the comparison does not.
    pub fn is_negated(&self) -> bool {
        self.key.starts_with("not")
    }

    /// Whether a member of a continuity connector may serve the people it is asked of.
    pub fn may_be_served_by(&self, member: &Member<'_>) -> bool {
        let least = self.sign_in.and_then(|sign_in| sign_in.minimum_assurance);
        least.is_none_or(|least| member.idp.assurance.is_some_and(|have| have >= least))
    }

    /// The continuity connectors that sign in the people it is asked of.
    pub fn groups<'s>(&self, site: Site<'s>) -> impl Iterator<Item = Group<'s>> {
        let providers = self.sign_in.into_iter().flat_map(|sign_in| &sign_in.providers);
        providers.filter_map(move |provider| match *provider {
            ProviderRef::Continuity(index) => Some(site.group(index)),
            ProviderRef::Idp(_) => None,
        })
    }
}

/// The conditions of an app, in the order of the file. Blocks that allow everybody, or nobody, ask nothing.
pub fn conditions<'a>(site: Site<'a>, app: &'a App) -> Vec<Condition<'a>> {
    let blocks = match app {
        App::Oidc(app) => vec![(app.pointer.clone(), &app.authorization, Some(&app.sign_in))],
        App::Proxy(app) => {
            let policies = site.policies(app).into_iter();
            policies.map(|(at, policy)| (at, &policy.authorization, policy.sign_in.as_ref())).collect()
        }
    };
    let manners = Manners::new(&site.deployment.idps, &site.deployment.continuity);
    let mut out = Vec::new();
    for (section, authorization, sign_in) in blocks {
        let pointer = format!("{section}/authorization");
        if let (Authorization::Rules(_), Some(block)) =
            (authorization, site.document().root.pointer(&pointer))
        {
            let mut walk = Walk { manners: &manners, sign_in, alternatives: Vec::new(), out: &mut out };
            let is_or = block.get("rulesAggregationMethod").and_then(Value::as_str) == Some("or");
            walk.list(block.get("rules"), &format!("{pointer}/rules"), is_or);
        }
    }
    out
}

const COMPARISONS: [&str; 4] = ["equals", "notEquals", "contains", "notContains"];

struct Walk<'w, 'a> {
    manners: &'w Manners,
    sign_in: Option<&'a SignIn>,
    alternatives: Vec<BTreeSet<String>>,
    out: &'w mut Vec<Condition<'a>>,
}

impl Walk<'_, '_> {
    // As deep as rules may be nested: the deployment is linked (`DEPTH_MAX` of the rules).
    fn list(&mut self, rules: Option<&Value>, pointer: &str, is_or: bool) {
        let rules = rules.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if is_or {
            self.alternatives.push(rules.iter().flat_map(connectors).collect());
        }
        for (i, rule) in rules.iter().enumerate() {
            let at = format!("{pointer}/{i}");
            for (key, is_or) in [("and", false), ("or", true)] {
                self.list(rule.get(key), &format!("{at}/{key}"), is_or);
            }
            for key in COMPARISONS {
                if let Some(operands) = rule.get(key) {
                    self.comparison(key, operands, format!("{at}/{key}"));
                }
            }
        }
        if is_or {
            self.alternatives.pop();
        }
    }

    fn comparison(&mut self, key: &'static str, operands: &Value, pointer: String) {
        let of = |template: &Template| -> Vec<AttributePath> {
            template.paths().map(|path| AttributePath::of(path, self.manners)).collect()
        };
        let operands = templates(operands);
        let left = operands.first().filter(|left| left.parts.len() == 1);
        self.out.push(Condition {
            pointer,
            key,
            paths: operands.iter().flat_map(of).collect(),
            left: left.and_then(|left| of(left).pop()),
            alternatives: self.alternatives.clone(),
            sign_in: self.sign_in,
        });
    }
}

fn templates(operands: &Value) -> Vec<Template> {
    let texts = operands.as_array().into_iter().flatten().filter_map(Value::as_str);
    texts.filter_map(|text| Template::parse(text).ok()).collect()
}

/// Every connector that is read below a rule.
fn connectors(rule: &Value) -> Vec<String> {
    let below = ["and", "or"].into_iter().filter_map(|key| rule.get(key)?.as_array());
    let here = COMPARISONS.into_iter().filter_map(|key| rule.get(key));
    let here = here
        .flat_map(templates)
        .flat_map(|template| template.paths().map(|path| path.connector.clone()).collect::<Vec<_>>());
    here.chain(below.flatten().flat_map(connectors)).collect()
}
