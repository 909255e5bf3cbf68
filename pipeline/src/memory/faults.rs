//! How commits go wrong, and what draws it.

/// How a commit may go wrong. Each is drawn with its own chance in a thousand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults {
    /// A clean abort before it stands.
    pub abort: u32,
    /// The process dies before the commit.
    pub crash_before: u32,
    /// The process dies after it, before it hears of it.
    pub crash_after: u32,
    /// Nobody can say how it ended; it did not stand.
    pub unknown_aborted: u32,
    /// Nobody can say how it ended; it stood.
    pub unknown_committed: u32,
    /// The markers of a commit come late on the changelogs.
    pub late_marker: u32,
}

/// SplitMix64: small, seeded, good enough to draw faults with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Random(pub u64);

impl Random {
    /// The next number.
    pub fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.draw() % bound.max(1)
    }

    pub(super) fn draws(&mut self, per_mille: u32) -> bool {
        self.below(1000) < u64::from(per_mille)
    }
}
