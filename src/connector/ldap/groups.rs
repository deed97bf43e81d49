//! Groups of groups: level by level upward, each group once, to a bound.

use std::collections::HashSet;

use super::service::{Service, Trouble};
use crate::health::{Reason, Unwell};
use crate::protocol::ldap::search::{Depth, Search};
use crate::protocol::ldap::{Dn, Filter};
use crate::value::limits::MEMBERS_MAX;

/// Most levels.
pub const LEVELS_MAX: usize = 10;
/// Most groups of one person: a session keeps no longer list.
pub const GROUPS_MAX: usize = MEMBERS_MAX;
/// Groups whose groups are asked for in one search.
pub const GROUPS_PER_SEARCH: usize = 32;
/// Groups on one page of an answer.
const PAGE_ENTRIES: u16 = 500;
/// Most pages for one person.
const PAGES_MAX: usize = 200;

/// Why not all groups are known: what is left is not the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Cut {
    /// More groups than are taken.
    #[error("more than {GROUPS_MAX} groups")]
    TooMany,
    /// A group that cannot be compared with others, and whose groups cannot be asked for.
    #[error("the name of a group is not a distinguished name")]
    NotAName,
    /// Some may be in another directory, which nobody asks.
    #[error("the directory points at another one, where more groups may be")]
    Elsewhere,
}

/// The way up: names to ask about, and the groups found so far.
pub(super) struct Climb {
    seen: HashSet<Dn>,
    groups: Vec<String>,
    level: Vec<String>,
    above: Vec<String>,
    levels: usize,
}

impl Climb {
    /// Begins at a person with the groups that are known already.
    pub(super) fn from(person: &str, known: &[&str]) -> Result<Self, Cut> {
        let mut climb =
            Climb { seen: HashSet::new(), groups: Vec::new(), level: vec![person.to_owned()], above: Vec::new(), levels: 0 };
        climb.seen.extend(Dn::parse(person));
        known.iter().try_for_each(|group| climb.found(group))?;
        Ok(climb)
    }

    /// Names whose groups are to be asked for next. `None` at the top, or after [`LEVELS_MAX`].
    pub(super) fn next(&mut self) -> Option<Vec<String>> {
        if self.level.is_empty() {
            self.levels += 1;
            if self.levels >= LEVELS_MAX {
                return None;
            }
            self.level = std::mem::take(&mut self.above);
        }
        let rest = self.level.split_off(self.level.len().min(GROUPS_PER_SEARCH));
        let asked = std::mem::replace(&mut self.level, rest);
        (!asked.is_empty()).then_some(asked)
    }

    /// Takes a group; one that was seen before, in whatever spelling, is passed over, and so a circle ends.
    pub(super) fn found(&mut self, group: &str) -> Result<(), Cut> {
        let name = Dn::parse(group).map_err(|_| Cut::NotAName)?;
        if name.is_root() || !self.seen.insert(name) {
            return Ok(());
        }
        if self.groups.len() >= GROUPS_MAX {
            return Err(Cut::TooMany);
        }
        self.groups.push(group.to_owned());
        self.above.push(group.to_owned());
        Ok(())
    }

    /// Whether it ended before the top.
    pub(super) fn is_cut(&self) -> bool {
        self.levels >= LEVELS_MAX && !self.above.is_empty()
    }

    /// All groups, those nearest to the person first.
    pub(super) fn groups(self) -> Vec<String> {
        self.groups
    }
}

/// Climbs: asks for the groups that have the person, or one of the groups, as a member.
pub(super) async fn climb(
    service: &mut Service<'_>,
    base: &str,
    climb: &mut Climb,
) -> Result<Result<(), Cut>, Trouble> {
    let mut pages = 0;
    while let Some(names) = climb.next() {
        let member = |name: &String| [Filter::equals("member", name), Filter::equals("uniqueMember", name)];
        let mut search = Search {
            base: base.to_owned(),
            depth: Depth::Whole,
            filter: Filter::Or(names.iter().flat_map(member).collect()),
            attributes: vec!["1.1".into()],
            entries_max: GROUPS_MAX,
            page: Some((PAGE_ENTRIES, Vec::new())),
        };
        loop {
            let found = service.search(&search).await?;
            for group in &found.entries {
                if let Err(cut) = climb.found(&group.dn) {
                    return Ok(Err(cut));
                }
            }
            if found.more {
                return Ok(Err(Cut::TooMany));
            }
            if found.references > 0 {
                return Ok(Err(Cut::Elsewhere));
            }
            let Some(cookie) = found.cookie else { break };
            pages += 1;
            let same = search.page.as_ref().is_some_and(|(_, before)| *before == cookie);
            if pages >= PAGES_MAX || (same && found.entries.is_empty()) {
                let words = "the directory gives pages without end";
                return Err(Trouble::Unreadable(Unwell::new(Reason::NotLdap, words)));
            }
            search.page = Some((PAGE_ENTRIES, cookie));
        }
    }
    Ok(Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Climbs in a directory given as group and members.
    fn groups_of(person: &str, known: &[&str], directory: &[(&str, &[&str])]) -> (Vec<String>, bool) {
        let mut climb = Climb::from(person, known).unwrap();
        while let Some(names) = climb.next() {
            let has = |members: &[&str]| members.iter().any(|m| names.iter().any(|n| n.eq_ignore_ascii_case(m)));
            for (group, _) in directory.iter().filter(|(_, members)| has(members)) {
                climb.found(group).unwrap();
            }
        }
        let cut = climb.is_cut();
        (climb.groups(), cut)
    }

    #[test]
    fn a_circle_ends() {
        let directory: &[(&str, &[&str])] =
            &[("cn=a", &["uid=p", "cn=c"]), ("cn=b", &["CN=A"]), ("cn=c", &["cn=b"]), ("cn=d", &["cn=x"]), ("cn=e", &["cn=e", "cn=c"])];
        assert_eq!(groups_of("uid=p", &[], directory), (["cn=a", "cn=b", "cn=c", "cn=e"].map(String::from).to_vec(), false));
        assert_eq!(groups_of("uid=p", &["CN=A"], directory).0, ["CN=A", "cn=b", "cn=c", "cn=e"]);
        assert_eq!(groups_of("uid=q", &[], directory), (vec![], false));
    }

    #[test]
    fn the_height_is_bounded() {
        let names: Vec<String> = (0..30).map(|i| format!("cn=g{i}")).collect();
        let members: Vec<[&str; 1]> =
            (0..30).map(|i| [if i == 0 { "uid=p" } else { names[i - 1].as_str() }]).collect();
        let directory: Vec<(&str, &[&str])> = names.iter().map(String::as_str).zip(members.iter().map(|m| &m[..])).collect();
        let (groups, cut) = groups_of("uid=p", &[], &directory);
        assert_eq!((groups.len(), cut), (LEVELS_MAX, true));
    }

    #[test]
    fn the_number_is_bounded_and_batches_are_small() {
        let mut climb = Climb::from("uid=p", &[]).unwrap();
        assert_eq!(climb.next(), Some(vec!["uid=p".to_owned()]));
        for i in 0..GROUPS_MAX {
            climb.found(&format!("cn=g{i}")).unwrap();
        }
        assert_eq!(climb.found("cn=one more"), Err(Cut::TooMany));
        assert_eq!(climb.found("cn=g1"), Ok(()), "known already");
        assert_eq!(climb.next().unwrap().len(), GROUPS_PER_SEARCH);
        assert!(Climb::from("uid=p", &[""]).unwrap().groups().is_empty());
        assert_eq!(Climb::from("uid=p", &["cn=a", "not a name"]).err(), Some(Cut::NotAName));
        assert_eq!(Climb::from("uid=p", &[]).unwrap().found("cn=\"a\""), Err(Cut::NotAName), "nor what is found later");
    }
}
