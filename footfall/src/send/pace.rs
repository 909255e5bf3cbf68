//! Open-loop sending: line n is due at n ÷ rate, whatever became of those before it.

use std::{
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

/// Lines a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate(f64);

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Rate, String> {
        let number = text.strip_suffix("/s").unwrap_or(text);
        match number.parse() {
            Ok(rate) if rate > 0.0 && f64::is_finite(rate) => Ok(Rate(rate)),
            _ => Err(format!("{text:?} is no rate: write 1000 or 1000/s")),
        }
    }
}

/// The schedule.
#[derive(Debug)]
pub(super) struct Pace {
    rate: Option<Rate>,
    started: Instant,
    worst: Duration,
}

impl Pace {
    /// From `started` on; without a rate everything is due at once.
    pub(super) fn new(rate: Option<Rate>, started: Instant) -> Pace {
        Pace {
            rate,
            started,
            worst: Duration::ZERO,
        }
    }

    /// Waits until line `number` (from 0) is due; calls `meanwhile` before each wait.
    pub(super) fn wait(&mut self, number: u64, mut meanwhile: impl FnMut()) {
        let Some(due) = self.due(number) else { return };
        loop {
            let now = self.started.elapsed();
            if now >= due {
                self.worst = self.worst.max(now - due);
                return;
            }
            meanwhile();
            thread::sleep((due - now).min(Duration::from_millis(100)));
        }
    }

    /// How far behind its time line `number` is now.
    pub(super) fn behind(&self, number: u64) -> Duration {
        let now = self.started.elapsed();
        self.due(number)
            .map_or(Duration::ZERO, |due| now.saturating_sub(due))
    }

    /// The furthest that any line was behind.
    pub(super) fn worst(&self) -> Duration {
        self.worst
    }

    /// Since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn due(&self, number: u64) -> Option<Duration> {
        let Rate(rate) = self.rate?;
        Some(Duration::try_from_secs_f64(number as f64 / rate).unwrap_or(Duration::MAX))
    }
}

/// So many in so long, a second.
pub(super) fn per_second(count: u64, took: Duration) -> u64 {
    (count as f64 / took.as_secs_f64().max(1e-3)).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_a_second() {
        assert_eq!("1000/s".parse(), Ok(Rate(1000.0)));
        assert_eq!("0.5".parse(), Ok(Rate(0.5)));
        for wrong in ["", "0", "-1", "fast", "1/m", "inf", "NaN"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_line_is_due_whatever_became_of_those_before_it() {
        let pace = Pace::new(Some(Rate(100.0)), Instant::now());
        assert_eq!(pace.due(0), Some(Duration::ZERO));
        assert_eq!(pace.due(250), Some(Duration::from_millis(2500)));
        assert_eq!(Pace::new(None, Instant::now()).due(250), None);
    }
}
