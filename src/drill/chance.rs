//! Chance that repeats: every draw is a function of the seed, of what is drawn, and of its number. Nothing
//! that is added to a drill moves the draws of what was there before.

/// What is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Draw {
    /// When a provider's second probe comes.
    Phase,
    /// Whether a flapping provider is down in one of its periods.
    Flap(usize),
    /// When within its share of the time a login comes.
    Arrival,
    /// Which of the sign-ins a login is for.
    SignIn,
    /// How long a person types.
    Typing(u32),
    /// How long until a person leaves a dead page.
    Return(u32),
}

impl Draw {
    fn number(self) -> u64 {
        match self {
            Draw::Phase => 1,
            Draw::Arrival => 2,
            Draw::SignIn => 3,
            Draw::Flap(fault) => 0x1_0000_0000 + fault as u64,
            Draw::Typing(attempt) => 0x2_0000_0000 + u64::from(attempt),
            Draw::Return(attempt) => 0x3_0000_0000 + u64::from(attempt),
        }
    }
}

/// A seed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chance(pub(super) u64);

impl Chance {
    /// A number below `bound`; 0 when `bound` is 0.
    pub(super) fn below(self, bound: u64, draw: Draw, number: u64) -> u64 {
        let mixed = mix(mix(mix(self.0) ^ draw.number()) ^ number);
        mixed.checked_rem(bound).unwrap_or(0)
    }

    /// A number of `from..=to`.
    pub(super) fn between(self, from: u64, to: u64, draw: Draw, number: u64) -> u64 {
        from + self.below(to.saturating_sub(from) + 1, draw, number)
    }
}

/// SplitMix64's step: a bijection in which every bit of the input matters to every bit of the output.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_repeat_and_differ() {
        let chance = Chance(7);
        let draws = |chance: Chance, draw| (0..1000).map(|n| chance.below(100, draw, n)).collect::<Vec<_>>();
        assert_eq!(draws(chance, Draw::Phase), draws(chance, Draw::Phase));
        assert_ne!(draws(chance, Draw::Phase), draws(chance, Draw::Arrival));
        assert_ne!(draws(chance, Draw::Flap(0)), draws(chance, Draw::Flap(1)));
        assert_ne!(draws(chance, Draw::Phase), draws(Chance(8), Draw::Phase));
        let low = draws(chance, Draw::Flap(0)).into_iter().filter(|n| *n < 50).count();
        assert!((450..550).contains(&low), "a fair coin: {low} of 1000");
        assert_eq!(chance.below(0, Draw::Phase, 0), 0);
        assert_eq!(chance.between(5, 5, Draw::Phase, 0), 5);
    }
}
