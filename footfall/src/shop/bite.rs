//! The cases that break sessionizers, acted out on purpose.
//!
//! Seven of eight visitors of a biting shop act out one case three times over their day. All margins come from the visit
//! timeout and the grace, so that a shop with other rules bites as well.

use journey::Millis;

use super::{
    Fate, ShopConfig,
    browse::{Delivery, Walk},
    site::{PRODUCTS, Page},
    visitor::Act,
};

/// A case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// Two bursts further apart than the timeout, joined by an event that comes out of order, within grace.
    Merge,
    /// An event that comes when its visit has ended long ago.
    Late,
    /// An event that comes beyond the grace, into a visit that is still open.
    LateJoin,
    /// Back after exactly the timeout.
    Exact,
    /// Back one millisecond past the timeout.
    Past,
    /// Back within the timeout, after having been away.
    Away,
    /// Everything is sent twice.
    Doubled,
}

const CASES: [Case; 7] = [
    Case::Merge,
    Case::Late,
    Case::LateJoin,
    Case::Exact,
    Case::Past,
    Case::Away,
    Case::Doubled,
];

const ROUNDS: u32 = 3;

/// The case of visitor `index`; every eighth is a visitor like any other.
pub(crate) fn case(config: &ShopConfig, index: u32) -> Option<Case> {
    CASES
        .get(index as usize % 8)
        .copied()
        .filter(|_| config.bites)
}

/// Acts the case out, thrice.
pub(crate) fn act_out(case: Case, walk: &mut Walk<'_>) {
    let apart = Millis(walk.config.visit_timeout.0 * 2 + walk.config.grace.0);
    for _ in 0..ROUNDS {
        walk.land(None);
        burst(walk);
        match case {
            Case::Merge => merge(walk),
            Case::Late => walk.offline(),
            Case::LateJoin => late_join(walk),
            Case::Exact => walk.return_exactly(walk.config.visit_timeout),
            Case::Past => walk.return_exactly(Millis(walk.config.visit_timeout.0 + 1)),
            Case::Away => {
                walk.now = walk.last
                    + walk
                        .random
                        .millis(61_000, walk.config.visit_timeout.0.max(61_000));
                burst(walk);
            }
            Case::Doubled => {
                for _ in 0..3 {
                    browse_on(walk, 3, 40);
                    walk.double();
                }
            }
        }
        walk.now = walk.last + apart + walk.random.minutes(10, 120);
    }
}

/// A few pages, seconds apart.
fn burst(walk: &mut Walk<'_>) {
    for _ in 0..1 + walk.random.below(3) {
        browse_on(walk, 3, 40);
    }
}

fn browse_on(walk: &mut Walk<'_>, from: i64, to: i64) {
    walk.now = walk.last + walk.random.seconds(from, to);
    let product = walk.random.small(PRODUCTS);
    walk.view(Page::Product(product));
}

/// Two visits, then the event between them.
fn merge(walk: &mut Walk<'_>) {
    let (timeout, grace) = (walk.config.visit_timeout.0, walk.config.grace.0);
    let over = walk.random.millis(1, grace / 3).0;
    let before = walk.random.millis(over, grace * 2 / 3).0;
    let second = walk.last + Millis(timeout + over);
    walk.now = second;
    let at_once = Delivery {
        delay: Millis(0),
        ..walk.prompt()
    };
    walk.land(Some(at_once));
    walk.now = second - Millis(before);
    let delay = Millis(before + walk.random.millis(1, grace / 6).0);
    walk.send(
        Act::View,
        Delivery {
            delay,
            joins_two: true,
            ..at_once
        },
    );
    walk.now = second;
    burst(walk);
}

/// A long visit, whose phone was offline for one of its pages.
fn late_join(walk: &mut Walk<'_>) {
    let (timeout, grace) = (walk.config.visit_timeout.0, walk.config.grace.0);
    let (first, end) = (walk.last, walk.last + Millis(grace * 3));
    walk.now = first + walk.random.millis(1, grace / 3);
    let delay = walk.random.millis(grace * 3 / 2, grace * 2);
    walk.send(
        Act::View,
        Delivery {
            delay,
            stamped: true,
            fate: Fate::JoinsLate,
            joins_two: false,
        },
    );
    while walk.last < end {
        walk.now = walk.last + walk.random.millis(timeout / 8, timeout / 4);
        let product = walk.random.small(PRODUCTS);
        walk.view(Page::Product(product));
    }
}
