//! The four tiers of identity continuity, as data. They are not a ladder: each is judged by itself.

/// A tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// A primary and a backup, both watched.
    Basic = 1,
    /// Three or more, of different vendors, regions and protocols.
    Diversified = 2,
    /// Edges over several roots.
    Cascading = 3,
    /// A cloud and a local provider, detection fast enough.
    Tactical = 4,
}

impl Tier {
    /// All of them.
    pub const ALL: [Tier; 4] = [Tier::Basic, Tier::Diversified, Tier::Cascading, Tier::Tactical];

    /// 1 to 4.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Its name in the guide.
    pub fn name(self) -> &'static str {
        match self {
            Tier::Basic => "Basic",
            Tier::Diversified => "Diversified",
            Tier::Cascading => "Cascading",
            Tier::Tactical => "Tactical edge",
        }
    }
}
