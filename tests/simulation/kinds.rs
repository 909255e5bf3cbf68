//! What a seed draws: the kinds of things that go wrong, and those that make the traffic more than page views. Each has a
//! name, so that a failure can be told, and repeated, with the fewest of them.

use pipeline::memory::{Fault, Faults, Random};

/// What makes the traffic more than page views.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Traffic {
    /// The chat engine reports what became of offers.
    Reports,
    /// Visitors take their consent back.
    Withdrawals,
    /// Visitors ask to be forgotten.
    Erasures,
    /// Another set of definitions comes into force in the middle of the day.
    Switch,
    /// The broker's clock steps back.
    ClockBack,
}

/// A kind of thing that may happen, how often in a thousand, and its name.
pub(crate) const FAULTS: [(Fault, u32, &str); 13] = [
    (Fault::Abort, 20, "abort"),
    (Fault::CrashBefore, 4, "crash-before"),
    (Fault::CrashAfter, 4, "crash-after"),
    (Fault::UnknownAborted, 4, "unknown-aborted"),
    (Fault::UnknownCommitted, 4, "unknown-committed"),
    (Fault::LateChangelogMarker, 100, "late-changelog-marker"),
    (Fault::LateOutputMarker, 50, "late-output-marker"),
    (Fault::Regroup, 5, "regroup"),
    (Fault::Zombie, 5, "zombie"),
    (Fault::StopMember, 3, "stop-member"),
    (Fault::StopStage, 2, "stop-stage"),
    (Fault::SilentSource, 10, "silent-source"),
    (Fault::NewestFormat, 400, "newest-format"),
];

/// Kinds of traffic: of how many seeds each is drawn by one, and its name.
pub(crate) const TRAFFIC: [(Traffic, u64, &str); 5] = [
    (Traffic::Reports, 1, "reports"),
    (Traffic::Withdrawals, 3, "withdrawals"),
    (Traffic::Erasures, 3, "erasures"),
    (Traffic::Switch, 2, "switch"),
    (Traffic::ClockBack, 5, "clock-back"),
];

/// The kinds that a run has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(Vec<&'static str>);

impl Kinds {
    /// Every fault, and the traffic that this seed draws.
    pub(crate) fn of(seed: u64) -> Kinds {
        let mut random = Random(seed);
        let traffic = TRAFFIC
            .iter()
            .filter(|(_, one_of, _)| random.below(*one_of) == 0);
        let faults = FAULTS.iter().map(|(_, _, name)| *name);
        let drawn = Kinds(faults.chain(traffic.map(|(_, _, name)| *name)).collect());
        // After a step back a record counts as received at the latest tick. Where no tick was heard that is another time, and
        // the calm run hears all of them.
        if drawn.has(Traffic::ClockBack) {
            drawn.without("silent-source")
        } else {
            drawn
        }
    }

    /// Those of these names.
    pub(crate) fn named(names: &str) -> Kinds {
        let names = names.split(',').filter(|name| !name.is_empty());
        Kinds(names.map(known).collect())
    }

    /// Their names.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.0.clone()
    }

    /// The same without this kind.
    pub(crate) fn without(&self, name: &str) -> Kinds {
        Kinds(
            self.0
                .iter()
                .copied()
                .filter(|kind| *kind != name)
                .collect(),
        )
    }

    /// Whether this kind of traffic is among them.
    pub(crate) fn has(&self, traffic: Traffic) -> bool {
        TRAFFIC
            .iter()
            .any(|(kind, _, name)| *kind == traffic && self.0.contains(name))
    }

    /// The faults among them.
    pub(crate) fn faults(&self) -> Faults {
        let drawn = FAULTS.iter().filter(|(_, _, name)| self.0.contains(name));
        drawn.fold(Faults::default(), |faults, (fault, per_mille, _)| {
            faults.with(*fault, *per_mille)
        })
    }
}

/// The kind of this name.
fn known(name: &str) -> &'static str {
    let faults = FAULTS.iter().map(|(_, _, known)| *known);
    let all: Vec<_> = faults
        .chain(TRAFFIC.iter().map(|(_, _, known)| *known))
        .collect();
    let found = all.iter().find(|known| **known == name);
    found.unwrap_or_else(|| panic!("KINDS names {name:?}; there are {}", all.join(",")))
}

impl std::fmt::Display for Kinds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.join(","))
    }
}
