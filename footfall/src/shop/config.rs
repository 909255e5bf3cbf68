//! How the simulated shop is to be.

use journey::{Millis, Timestamp};

use super::site::Site;

/// How the simulated shop is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct ShopConfig {
    /// Decides everything that the rest leaves open.
    pub seed: u64,
    /// How many people, robots included.
    pub visitors: u32,
    /// When the first may come.
    pub start: Timestamp,
    /// How long people keep coming. Over half a day and more they come by day rather than by night.
    pub duration: Millis,
    /// The sites and what their owners promise. Not empty.
    pub sites: Vec<Site>,
    /// The visit timeout that gaps are made to fit.
    pub visit_timeout: Millis,
    /// The grace that delays are made to fit.
    pub grace: Millis,
    /// Whether most visitors act out the cases that break sessionizers.
    pub bites: bool,
    /// How often what happens.
    pub rates: Rates,
}

/// How often what happens: shares between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Of visitors: robots. If not 0, one of them is very fast and says that it is a browser.
    pub robots: f64,
    /// Of visitors: a heartbeat every 10 s while the tab is visible.
    pub pinging: f64,
    /// Of visitors: consent denied (or, at times, not asked for).
    pub refused: f64,
    /// Of visitors: Global Privacy Control.
    pub gpc: f64,
    /// Of visits: consent withdrawn at the end.
    pub withdrawn: f64,
    /// Of visitors: at a deployment that nobody knows.
    pub unknown_deployment: f64,
    /// Of visitors: their collector sends no record key.
    pub unkeyed: f64,
    /// Of visitors: an old snippet, which sends no `sentDate`.
    pub unstamped: f64,
    /// Of visitors: a clock that is minutes wrong.
    pub skewed: f64,
    /// Of events: up to 60 s out of order.
    pub delayed: f64,
    /// Of visits: a last event from a phone that was offline for hours.
    pub offline: f64,
    /// Of events: sent twice.
    pub doubled: f64,
    /// Of events: a broken one beside it.
    pub broken: f64,
    /// Of views of the pricing page: more than five minutes of it.
    pub lingering: f64,
    /// Of page views: away for a while, then back.
    pub away: f64,
    /// Of returns: after exactly the visit timeout, or one millisecond past it.
    pub exact_returns: f64,
}

impl Rates {
    /// A plausible day.
    pub fn plausible() -> Rates {
        Rates {
            robots: 0.03,
            pinging: 0.35,
            refused: 0.04,
            gpc: 0.02,
            withdrawn: 0.003,
            unknown_deployment: 0.005,
            unkeyed: 0.05,
            unstamped: 0.3,
            skewed: 0.06,
            delayed: 0.03,
            offline: 0.02,
            doubled: 0.015,
            broken: 0.002,
            lingering: 0.3,
            away: 0.08,
            exact_returns: 0.1,
        }
    }
}

impl ShopConfig {
    /// A plausible shop over `duration` from `start`.
    pub fn plausible(seed: u64, visitors: u32, start: Timestamp, duration: Millis) -> ShopConfig {
        ShopConfig {
            seed,
            visitors,
            start,
            duration,
            sites: Site::demo(),
            visit_timeout: Millis::from_mins(20),
            grace: Millis::from_mins(15),
            bites: false,
            rates: Rates::plausible(),
        }
    }

    /// A day full of the cases that break sessionizers: with 3,000 visitors more than 100 of each. Nobody withdraws
    /// consent, so that a batch sessionization of the same events is a fair oracle.
    pub fn biting(seed: u64, visitors: u32) -> ShopConfig {
        // 2026-11-23T00:00:00Z, a Monday.
        let start = Timestamp(1_795_392_000_000);
        let plausible = ShopConfig::plausible(seed, visitors, start, Millis::from_mins(24 * 60));
        ShopConfig {
            bites: true,
            rates: Rates {
                withdrawn: 0.0,
                ..Rates::plausible()
            },
            ..plausible
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_biting_day_is_the_day_it_says() {
        assert_eq!(
            Some(ShopConfig::biting(1, 1).start),
            Timestamp::parse("2026-11-23T00:00:00Z")
        );
    }
}
