//! Drills kept in a file. Read like every configuration: all mistakes at once, with line and column.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fault::{FIT_EVERYWHERE, Fault, Outage};
use super::measure::Expect;
use super::rate::Rate;
use crate::config::check::Checker;
use crate::config::codes::BAD_VALUE;
use crate::config::fill::{Fillers, fill};
use crate::config::yaml::{self, Document};
use crate::config::{schema, section};
use crate::diag::{Diagnostic, Level, Sources, did_you_mean, sort};
use crate::model::codes::UNKNOWN_NAME;
use crate::model::{Deployment, IdpIndex};
use crate::value::Duration;

/// A drill.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
#[schemars(rename = "DrillScenario")]
pub struct Scenario {
    /// What the drill is called.
    pub name: Option<String>,
    /// How long it lasts; ten minutes after the last fault begins or ends, without.
    pub duration: Option<Duration>,
    /// Where chance begins; 1 without.
    pub seed: Option<u64>,
    /// How many people sign in; 1/s without.
    pub logins: Option<Rate>,
    /// What fails. Without this key, the primary of each continuity connector refuses connections after a
    /// minute, for ten; with an empty list, nothing.
    pub faults: Option<Vec<PlannedFault>>,
    /// What makes the drill pass.
    pub expect: Expect,
}

/// A provider that fails.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedFault {
    /// Connector, a member of a continuity connector.
    pub idp: String,
    /// When it begins, from the start of the drill.
    pub at: Duration,
    /// How long it lasts; to the end of the drill without.
    #[serde(rename = "for")]
    pub length: Option<Duration>,
    /// What is wrong; `refused` without.
    #[serde(default)]
    pub fault: Fault,
}

impl Scenario {
    /// The faults as `--fail` gives them.
    pub fn outages(&self) -> Option<Vec<Outage>> {
        let outage = |planned: &PlannedFault| Outage {
            idp: planned.idp.clone(),
            at: planned.at,
            length: planned.length,
            fault: Some(planned.fault),
        };
        self.faults.as_ref().map(|faults| faults.iter().map(outage).collect())
    }
}

/// The schema, as `maverics schema drill-scenario` prints it and `schemas/drill-scenario.schema.json` keeps it.
pub fn document() -> Value {
    let mut generator = schema::generator();
    let root = schema::of::<Scenario>(&mut generator);
    let mut definitions = Value::Object(generator.take_definitions(true).into_iter().collect());
    let mut file = definitions.as_object_mut().and_then(|d| d.remove("DrillScenario")).unwrap_or(root);
    file["$defs"] = definitions;
    file["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    file["title"] = json!("Scenario of maverics drill");
    schema::tidy(&mut file);
    without_status(&mut file);
    file
}

/// The statuses of keys are about the original product's language, which has no drills.
fn without_status(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            map.remove("x-maverics");
            map.values_mut().for_each(without_status);
        }
        Value::Array(list) => list.iter_mut().for_each(without_status),
        _ => {}
    }
}

static CHECKER: LazyLock<Checker> = LazyLock::new(|| Checker::new(document()));

/// Reads a scenario of this deployment. `None` when anything is wrong with it.
pub fn read(
    name: &str,
    text: &str,
    deployment: &Deployment,
    sources: &mut Sources,
) -> (Option<Scenario>, Vec<Diagnostic>) {
    let file = sources.add(name, text);
    let (document, mut findings) = yaml::parse(file, text);
    let Some(mut document) = document else { return (None, findings) };
    findings.extend(fill(&mut document, text, CHECKER.schema(), &Fillers::default()));
    let checked = CHECKER.check(&document, false);
    findings.extend(checked.findings);
    let mut scenario = None;
    if findings.iter().all(|finding| finding.level < Level::Error) {
        scenario = section::read::<Scenario>(&document, "", &document.root, &mut findings);
        if let Some(scenario) = &scenario {
            link(scenario, deployment, &document, &mut findings);
        }
    }
    sort(&mut findings);
    let clean = findings.iter().all(|finding| finding.level < Level::Error);
    (scenario.filter(|_| clean), findings)
}

/// Faults are of members of continuity connectors, and such that their protocol can have them.
fn link(scenario: &Scenario, deployment: &Deployment, document: &Document, findings: &mut Vec<Diagnostic>) {
    let members: Vec<IdpIndex> =
        deployment.continuity.iter().flat_map(|group| group.members.iter().copied()).collect();
    let name_of = |index: &IdpIndex| deployment.idp(*index).name.as_str();
    for (place, planned) in scenario.faults.iter().flatten().enumerate() {
        let at = |key: &str| document.value(&format!("/faults/{place}/{key}"));
        if planned.length.is_some_and(Duration::is_zero) {
            let words = "a fault that lasts no time is none";
            findings.push(Diagnostic::new(&BAD_VALUE, words).at(at("for")));
        }
        let Some(index) = members.iter().find(|index| name_of(index) == planned.idp) else {
            let words = format!("`{}` is a member of no continuity connector", planned.idp);
            let help = match did_you_mean(&planned.idp, members.iter().map(name_of)) {
                Some(guess) => format!("Did you mean `{guess}`?"),
                None => {
                    format!("Members are {}.", members.iter().map(name_of).collect::<Vec<_>>().join(", "))
                }
            };
            findings.push(Diagnostic::new(&UNKNOWN_NAME, words).help(help).at(at("idp")));
            continue;
        };
        let idp = deployment.idp(*index);
        if let Some(words) = planned.fault.unfit(idp) {
            let finding = Diagnostic::new(&BAD_VALUE, words).at(at("fault"));
            findings.push(finding.help(format!("{FIT_EVERYWHERE}.")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::read::ReadOptions;

    fn deployment() -> Deployment {
        let text = include_str!("../../tests/fixtures/seeds/tier1-basic.yaml");
        let reading = crate::model::read("t.yaml", text, &mut Sources::default(), &ReadOptions::default());
        reading.deployment.expect("the guide's configuration")
    }

    #[test]
    fn a_whole_scenario() {
        let text = "
name: monday
duration: 15m
seed: 7
logins: 5/s
faults:
  - {idp: primary-idp, at: 60s, for: 10m, fault: 'slow:9s'}
  - {idp: backup-idp, at: 90s}
expect: {maxDetect: 20s, maxFailed: 0}
";
        let (scenario, findings) = read("s.yaml", text, &deployment(), &mut Sources::default());
        assert!(findings.is_empty(), "{findings:?}");
        let scenario = scenario.unwrap();
        assert_eq!((scenario.seed, scenario.expect.max_failed), (Some(7), Some(0)));
        let outages = scenario.outages().unwrap();
        assert_eq!(outages[0], "primary-idp@60s+10m=slow:9s".parse().unwrap());
        assert_eq!(outages[1], "backup-idp@90s=refused".parse().unwrap());
    }

    #[test]
    fn every_key_is_described() {
        let text = document().to_string();
        assert!(!text.contains("x-maverics") && text.contains("\"additionalProperties\":false"), "{text}");
        let (scenario, findings) = read("s.yaml", "", &deployment(), &mut Sources::default());
        assert_eq!((scenario, findings.len()), (Some(Scenario::default()), 0));
    }
}
