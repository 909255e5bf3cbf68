//! What goes wrong, how often, and how often it really did.

/// A way in which things go wrong. Those of a commit are the memory log's own; the others are done to it by whoever runs
/// several members on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A commit is cleanly aborted before it stands.
    Abort,
    /// The process dies before the commit.
    CrashBefore,
    /// The process dies after it, before it hears of it.
    CrashAfter,
    /// Nobody can say how the commit ended; it did not stand.
    UnknownAborted,
    /// Nobody can say how the commit ended; it stood.
    UnknownCommitted,
    /// The markers of a commit come late on the changelogs.
    LateChangelogMarker,
    /// The markers of a commit come late on the outputs: their readers see nothing of it until then.
    LateOutputMarker,
    /// The group's members become others, or others in number, and share the tasks anew.
    Regroup,
    /// A member is taken for dead with a transaction open, and its tasks go to others; later it goes on.
    Zombie,
    /// One member stands still for up to an hour: its marks come late.
    StopMember,
    /// All members of a stage stand still for up to an hour.
    StopStage,
    /// A raw partition hears nothing for up to an hour, not even ticks.
    SilentSource,
    /// A new member writes the newest format of states, as after an upgrade; the others the one before, as after a rollback.
    NewestFormat,
}

impl Fault {
    /// Every one.
    pub const ALL: [Fault; 13] = [
        Fault::Abort,
        Fault::CrashBefore,
        Fault::CrashAfter,
        Fault::UnknownAborted,
        Fault::UnknownCommitted,
        Fault::LateChangelogMarker,
        Fault::LateOutputMarker,
        Fault::Regroup,
        Fault::Zombie,
        Fault::StopMember,
        Fault::StopStage,
        Fault::SilentSource,
        Fault::NewestFormat,
    ];
}

/// How often each fault is drawn, in a thousand times that it could be; and, as a count, how often each happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Faults([u32; Fault::ALL.len()]);

impl Faults {
    /// The same, but for this fault.
    #[must_use]
    pub fn with(mut self, fault: Fault, number: u32) -> Faults {
        self.0[fault as usize] = number;
        self
    }

    /// The number that stands at a fault.
    pub fn of(&self, fault: Fault) -> u32 {
        self.0[fault as usize]
    }

    /// Whether there are none at all.
    pub fn is_none(&self) -> bool {
        *self == Faults::default()
    }

    /// Counts one that happened.
    pub fn count(&mut self, fault: Fault) {
        self.0[fault as usize] += 1;
    }

    /// Adds another run's counts.
    pub fn add(&mut self, other: &Faults) {
        for (sum, more) in self.0.iter_mut().zip(other.0) {
            *sum += more;
        }
    }
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

    /// Whether something happens that happens so many times in a thousand.
    pub fn draws(&mut self, per_mille: u32) -> bool {
        per_mille > 0 && self.below(1000) < u64::from(per_mille)
    }
}
