//! The counts of an interval: how a signal moves them and how they are shown.
//!
//! Kept are plain sums, so that it does not matter in which order signals come. Shown are numbers that can stand in a plan:
//! a sum below zero (a fact was taken back before it was told) is shown as zero until its other half is there.

use journey::{Text, demand::field, staffing::Actual};

/// The most reasons that `blocked` tells apart; the rest is counted under [`OTHER`].
pub const REASON_LIMIT: usize = 32;

/// The longest reason, in bytes, that is told apart.
pub const REASON_LENGTH_LIMIT: usize = 64;

/// Where blocked offers without a reason of their own are counted.
pub const OTHER: &str = "other";

struct Count {
    field: &'static str,
    get: fn(&Actual) -> i64,
    get_mut: fn(&mut Actual) -> &mut i64,
}

macro_rules! counts {
    ($($name:ident => $member:ident),* $(,)?) => {
        /// Every count but `blocked`, which is one by reason.
        const COUNTS: &[Count] = &[$(
            Count { field: field::$name, get: |actual| actual.$member, get_mut: |actual| &mut actual.$member },
        )*];
    };
}

counts! {
    VISITS_ACTIVE => visits_active,
    QUALIFIED => qualified,
    INVITATIONS_OFFERED => invitations_offered,
    INVITATIONS_ACCEPTED => invitations_accepted,
    INVITATIONS_REJECTED => invitations_rejected,
    INVITATIONS_TIMED_OUT => invitations_timed_out,
    INVITATIONS_IGNORED => invitations_ignored,
    INVITATIONS_ERRORED => invitations_errored,
    INTERACTIONS_OFFERED => interactions_offered,
    INTERACTIONS_ANSWERED => interactions_answered,
    INTERACTIONS_ABANDONED => interactions_abandoned,
    INTERACTIONS_HANDLED => interactions_handled,
    TOTAL_HANDLE_TIME_SECONDS => total_handle_time_seconds,
    INTERACTIONS_UNRESOLVED => interactions_unresolved,
}

/// Whether a signal's field is one that is counted.
pub fn is_known(name: &str) -> bool {
    name == field::BLOCKED || COUNTS.iter().any(|count| count.field == name)
}

/// Moves the count that a signal names. An unknown one moves nothing: ask [`is_known`] before.
pub(crate) fn add(actual: &mut Actual, name: &str, reason: Option<&Text>, delta: i64) {
    let sum = if name == field::BLOCKED {
        blocked(&mut actual.blocked, reason)
    } else if let Some(count) = COUNTS.iter().find(|count| count.field == name) {
        (count.get_mut)(actual)
    } else {
        return;
    };
    *sum = sum.saturating_add(delta);
}

/// Adds other sums to these.
pub(crate) fn merge(into: &mut Actual, more: &Actual) {
    for count in COUNTS {
        let sum = (count.get_mut)(into);
        *sum = sum.saturating_add((count.get)(more));
    }
    for (reason, delta) in &more.blocked {
        add(into, field::BLOCKED, Some(reason), *delta);
    }
}

/// The sum under a reason. A reason that was given a place keeps it, at zero too, so that what took from it and what gave
/// to it meet in the same place.
fn blocked<'a>(sums: &'a mut Vec<(Text, i64)>, reason: Option<&Text>) -> &'a mut i64 {
    let find = |sums: &[(Text, i64)], reason: &str| {
        sums.binary_search_by(|(known, _)| known.as_str().cmp(reason))
    };
    let own = reason.filter(|reason| !reason.is_empty() && reason.len() <= REASON_LENGTH_LIMIT);
    let mut reason = own.cloned().unwrap_or_else(|| OTHER.into());
    if find(sums, &reason).is_err()
        && sums.iter().filter(|(known, _)| known != OTHER).count() >= REASON_LIMIT
    {
        reason = OTHER.into();
    }
    let at = find(sums, &reason).unwrap_or_else(|at| {
        sums.insert(at, (reason, 0));
        at
    });
    &mut sums[at].1
}

/// The counts as they are published: none below zero, no reason without a count.
pub(crate) fn shown(actual: &Actual) -> Actual {
    let mut shown = actual.clone();
    for count in COUNTS {
        let sum = (count.get_mut)(&mut shown);
        *sum = (*sum).max(0);
    }
    shown.blocked.retain(|(_, sum)| *sum > 0);
    shown
}

/// The paths of the counts that differ.
pub(crate) fn changed(before: &Actual, after: &Actual) -> Vec<Text> {
    let path = |name: &str| Text::from(format!("actual.{name}"));
    let differing = COUNTS
        .iter()
        .filter(|count| (count.get)(before) != (count.get)(after));
    let mut paths: Vec<Text> = differing.map(|count| path(count.field)).collect();
    if before.blocked != after.blocked {
        paths.push(path(field::BLOCKED));
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(actual: &mut Actual, reason: &str, delta: i64) {
        add(actual, field::BLOCKED, Some(&reason.into()), delta);
    }

    #[test]
    fn every_count_has_a_field_of_its_own() {
        for count in COUNTS {
            let mut actual = Actual::default();
            add(&mut actual, count.field, None, 1);
            assert_eq!(
                changed(&Actual::default(), &actual),
                [format!("actual.{}", count.field).as_str()]
            );
        }
        assert!(is_known(field::BLOCKED));
        assert!(!is_known("offered"), "never a bare `offered` in staffing");
    }

    #[test]
    fn blocked_is_counted_by_reason_in_order() {
        let mut actual = Actual::default();
        for reason in ["VisitorAway", "FrequencyCap", "VisitorAway"] {
            block(&mut actual, reason, 1);
        }
        assert_eq!(
            shown(&actual).blocked,
            [("FrequencyCap".into(), 1), ("VisitorAway".into(), 2)]
        );
    }

    #[test]
    fn reasons_beyond_the_limit_are_counted_under_other() {
        let mut actual = Actual::default();
        for n in 0..REASON_LIMIT + 5 {
            block(&mut actual, &format!("Reason{n:02}"), 1);
        }
        block(&mut actual, "Reason35", -1);
        block(&mut actual, "Reason00", 1);
        block(&mut actual, &"x".repeat(REASON_LENGTH_LIMIT + 1), 1);
        add(&mut actual, field::BLOCKED, None, 1);
        let shown = shown(&actual).blocked;
        assert_eq!(shown.len(), REASON_LIMIT + 1);
        assert_eq!(shown[0], ("Reason00".into(), 2));
        assert_eq!(shown.last(), Some(&(OTHER.into(), 6)));
    }

    #[test]
    fn a_sum_below_zero_is_shown_as_zero_until_its_other_half_is_there() {
        let mut actual = Actual::default();
        add(&mut actual, field::INVITATIONS_TIMED_OUT, None, -1);
        block(&mut actual, "VisitorAway", -1);
        assert_eq!(shown(&actual), Actual::default());
        add(&mut actual, field::INVITATIONS_TIMED_OUT, None, 2);
        block(&mut actual, "VisitorAway", 2);
        assert_eq!(shown(&actual).invitations_timed_out, 1);
        assert_eq!(shown(&actual).blocked, [("VisitorAway".into(), 1)]);
    }
}
