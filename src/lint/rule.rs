//! What a rule is: a record, a page, a check.

use super::Scene;
use crate::diag::{Code, Diagnostic};
use crate::model::tier::Tier;

/// One rule: a file in `rules/` and a line in its table.
#[derive(Debug)]
pub struct Rule {
    /// Id (`MV1xxx`), name that reads well after "allow", level, summary, page. The page has two `yaml`
    /// blocks: a configuration the rule fires on, and one it leaves alone.
    pub code: Code,
    /// The tier it guards; `None` for rules of scale-out and hygiene.
    pub tier: Option<Tier>,
    /// Looks at the whole fleet and reports.
    pub check: fn(&Scene<'_>, &mut Report),
}

/// Where checks report.
#[derive(Debug, Default)]
pub struct Report {
    pub(super) findings: Vec<Diagnostic>,
}

impl Report {
    /// Takes a finding.
    pub fn add(&mut self, finding: Diagnostic) {
        self.findings.push(finding);
    }
}

impl Rule {
    /// The fleets of the page: the one it fires on, then the one it leaves alone. Files of one fleet are
    /// divided by a line `---`.
    pub fn examples(&self) -> Vec<Vec<&'static str>> {
        let blocks = self.code.page.split("```yaml\n").skip(1);
        blocks
            .filter_map(|block| block.split("```").next())
            .map(|block| block.split("\n---\n").collect())
            .collect()
    }
}
