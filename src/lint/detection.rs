//! For each continuity connector: how long an outage goes unnoticed, and how long a recovery does. Always
//! computed, never a finding by itself.

use std::collections::BTreeMap;

use super::{Group, Scene};
use crate::continuity::detection::{Times, times};
use crate::value::Duration;

/// What is computed for one continuity connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its name, with the file before it where two of a fleet have one name.
    pub name: String,
    /// The slowest of each over the watched members; `None` when nobody is watched.
    pub slowest: Option<Times>,
    /// Members nobody watches: by probes alone, their outage is never noticed.
    pub unwatched: Vec<String>,
    /// With pre-flight, a login notices at once and waits at most this long.
    pub pre_flight: Option<Duration>,
    /// Per watched member.
    pub members: Vec<(String, Times)>,
}

/// All of them, in the order of the files.
pub fn lines(scene: &Scene<'_>) -> Vec<Line> {
    let groups: Vec<Group<'_>> = scene.groups().collect();
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    groups.iter().for_each(|group| *count.entry(group.name()).or_default() += 1);
    let shared = |name: &str| count.get(name).is_some_and(|count| *count > 1);
    let of = |group: &Group<'_>| {
        let file = scene.sources.get(group.site.deployment.document.file).name.as_str();
        let name = group.name().to_owned();
        let name = if shared(&name) { format!("{file}:{name}") } else { name };
        line(group, name)
    };
    groups.iter().map(of).collect()
}

fn line(group: &Group<'_>, name: String) -> Line {
    let mut members = Vec::new();
    let mut unwatched = Vec::new();
    for member in group.members() {
        match &member.idp.check {
            Some(check) => members.push((member.name().to_owned(), times(check))),
            None => unwatched.push(member.name().to_owned()),
        }
    }
    let slowest = members.iter().map(|(_, times)| *times).reduce(|a, b| Times {
        worst: a.worst.max(b.worst),
        mean: a.mean.max(b.mean),
        worst_refused: a.worst_refused.max(b.worst_refused),
        failback: a.failback.max(b.failback),
    });
    let pre_flight = &group.continuity.pre_flight;
    Line {
        name,
        slowest,
        unwatched,
        pre_flight: (!pre_flight.disabled).then_some(pre_flight.timeout),
        members,
    }
}
