//! The four tiers of the continuity guide, each judged by itself. A tier is met when one continuity connector
//! (or, for tier 3, one edge with its roots) has everything it asks for. What cannot be known offline is
//! listed as unproven and does not keep a tier from being met.

use std::collections::BTreeSet;

use super::facts::{Known, Network, Root};
use super::{Group, Scene};
use crate::continuity::detection::times;
use crate::model::tier::Tier;
use crate::value::Duration;

/// Longest worst-case detection of a cloud member of tier 4: the guide's own example (10 s, twice, 5 s timeout)
/// needs 25 s, its ordinary settings (30 s, three times, 10 s) need 100 s.
pub const TACTICAL_DETECTION_MAX: Duration = Duration::from_secs(30);

/// What one tier is found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The tier.
    pub tier: Tier,
    /// What keeps it from being met; empty when it is met.
    pub missing: Vec<String>,
    /// What nothing says, and would have to hold.
    pub unproven: Vec<String>,
}

impl Verdict {
    /// Whether nothing is missing.
    pub fn is_met(&self) -> bool {
        self.missing.is_empty()
    }
}

/// The highest tier that is met, 0 for none.
pub fn highest(verdicts: &[Verdict]) -> u8 {
    verdicts.iter().filter(|verdict| verdict.is_met()).map(|verdict| verdict.tier.number()).max().unwrap_or(0)
}

/// One verdict for each tier.
pub fn judge(scene: &Scene<'_>) -> Vec<Verdict> {
    let of = |tier| {
        let candidates = scene.groups().map(|group| {
            let mut verdict = Verdict { tier, missing: Vec::new(), unproven: Vec::new() };
            match tier {
                Tier::Basic => basic(&group, &mut verdict),
                Tier::Diversified => diversified(&group, &mut verdict),
                Tier::Cascading => cascading(scene, &group, &mut verdict),
                Tier::Tactical => tactical(&group, &mut verdict),
            }
            verdict
        });
        // The connector that comes nearest speaks for the fleet; the first of equals.
        let nearest = candidates.min_by_key(|verdict| (verdict.missing.len(), verdict.unproven.len()));
        nearest.unwrap_or_else(|| Verdict {
            tier,
            missing: vec![match scene.fleet.deployments.is_empty() {
                true => "no file could be judged: put the errors right first".into(),
                false => "there is no continuity connector".into(),
            }],
            unproven: Vec::new(),
        })
    };
    Tier::ALL.into_iter().map(of).collect()
}

/// Two watched members.
fn basic(group: &Group<'_>, verdict: &mut Verdict) {
    watched(group, 2, verdict);
}

fn watched(group: &Group<'_>, least: usize, verdict: &mut Verdict) {
    let name = group.name();
    // One provider under two names is one.
    let mut seen = BTreeSet::new();
    let providers = group.watched().map(|(member, _)| member.provider());
    let watched = providers.filter(|provider| provider.is_none_or(|provider| seen.insert(provider))).count();
    if watched < least {
        let members = group.members().count();
        let once = if watched < group.watched().count() {
            " (one provider under two names counts once)"
        } else {
            ""
        };
        verdict.missing.push(format!(
            "`{name}` has {members} member{}, {watched} watched{once}; {least} are needed",
            if members == 1 { "" } else { "s" }
        ));
    }
}

/// Three members or more, three vendors, two regions, two protocols, and every attribute from every member.
fn diversified(group: &Group<'_>, verdict: &mut Verdict) {
    watched(group, 3, verdict);
    diverse(group, 3, "vendors", |known| known.vendor.clone(), verdict);
    diverse(group, 2, "regions", |known| known.region.clone(), verdict);
    let protocols: BTreeSet<_> = group.members().map(|member| member.idp.facts.protocol).collect();
    if protocols.len() < 2 {
        verdict.missing.push(format!("all members of `{}` speak one protocol", group.name()));
    }
    match &group.continuity.attributes {
        None => {
            verdict.missing.push(format!("`{}` has no `attributes`: names differ by member", group.name()))
        }
        Some(_) => verdict.missing.extend(group.unmapped().map(|(_, rule, without)| {
            format!("`{}` has no source at {}, and no default stands in", rule.name, without.join(", "))
        })),
    }
}

/// At least `least` different values among the members, counting in their favour what is not known.
fn diverse(
    group: &Group<'_>,
    least: usize,
    what: &str,
    of: impl Fn(&Known) -> Option<String>,
    verdict: &mut Verdict,
) {
    let values: Vec<Option<String>> = group.members().map(|member| of(member.known)).collect();
    let known: BTreeSet<&String> = values.iter().flatten().collect();
    let unknown: Vec<&str> = group
        .members()
        .zip(&values)
        .filter(|(_, value)| value.is_none())
        .map(|(m, _)| m.idp.name.as_str())
        .collect();
    if known.len() >= least {
        return;
    }
    if known.len() + unknown.len() < least {
        let most = known.len() + unknown.len();
        let named = known.iter().map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ");
        let named = if named.is_empty() { named } else { format!(" ({named})") };
        let name = group.name();
        let kind = if most == 1 { what.trim_end_matches('s') } else { what };
        verdict
            .missing
            .push(format!("the members of `{name}` have at most {most} {kind}{named}; {least} are needed"));
    } else {
        let key = what.trim_end_matches('s');
        verdict.unproven.push(format!(
            "that `{}` has {least} {what}: nothing says the {key} of {} (`# maverics: {key}=...` on the connector does)",
            group.name(),
            unknown.join(", ")
        ));
    }
}

/// Two roots or more, and behind each root members of two vendors or more.
fn cascading(scene: &Scene<'_>, group: &Group<'_>, verdict: &mut Verdict) {
    let mut roots: BTreeSet<(Option<usize>, &str)> = BTreeSet::new();
    for member in group.members() {
        match member.known.root {
            Root::Given(place) => {
                roots.insert((Some(place), ""));
            }
            Root::Presumed => {
                roots.insert((None, member.idp.name.as_str()));
                verdict
                    .unproven
                    .push(format!("the file of the root behind `{}` is not given", member.name()));
            }
            Root::No => {}
        }
    }
    if roots.len() < 2 {
        verdict.missing.push(format!(
            "`{}` has {} root orchestrator{} among its members; an edge needs two (give the files of the roots as well)",
            group.name(),
            roots.len(),
            if roots.len() == 1 { "" } else { "s" }
        ));
    }
    for place in roots.iter().filter_map(|(place, _)| *place) {
        root(scene, place, verdict);
    }
}

fn root(scene: &Scene<'_>, place: usize, verdict: &mut Verdict) {
    let site = scene.site(place);
    let file = &site.source.name;
    let of = |group: Group<'_>| {
        let mut of_group = Verdict { missing: Vec::new(), unproven: Vec::new(), ..verdict.clone() };
        diverse(&group, 2, "vendors", |known| known.vendor.clone(), &mut of_group);
        of_group
    };
    let judged: Vec<Verdict> = site.groups().map(of).collect();
    match judged.into_iter().min_by_key(|v| (v.missing.len(), v.unproven.len())) {
        None => verdict.missing.push(format!("the root {file} has no continuity connector")),
        Some(best) => {
            verdict.missing.extend(best.missing.into_iter().map(|words| format!("root {file}: {words}")));
            verdict.unproven.extend(best.unproven);
        }
    }
}

/// A member on the local network, one beyond it, and an outage of the latter noticed fast enough.
fn tactical(group: &Group<'_>, verdict: &mut Verdict) {
    let name = group.name();
    let on = |network| group.members().filter(move |member| member.known.network == network);
    if on(Network::Local).next().is_none() {
        verdict.missing.push(format!(
            "no member of `{name}` is known to be on the local network (`# maverics: network=local` says so)"
        ));
    }
    for member in on(Network::Local) {
        if let Some(host) = member.judged_afar() {
            verdict.missing.push(format!(
                "`{host}`, beyond the local network, decides whether `{}` is well",
                member.name()
            ));
        }
    }
    let away = || group.members().filter(|member| member.known.network != Network::Local);
    if away().next().is_none() {
        verdict.missing.push(format!("all members of `{name}` are on the local network"));
    } else if on(Network::Wide).next().is_none() {
        verdict.unproven.push(format!(
            "that a member of `{name}` is beyond the local network (`# maverics: network=cloud` says so)"
        ));
    }
    for member in away() {
        match &member.idp.check {
            None => verdict.missing.push(format!("nobody watches `{}`", member.name())),
            Some(check) if times(check).worst > TACTICAL_DETECTION_MAX => verdict.missing.push(format!(
                "an outage of `{}` may go unnoticed for {}; at most {TACTICAL_DETECTION_MAX} is asked for",
                member.name(),
                times(check).worst
            )),
            Some(_) => {}
        }
    }
}
