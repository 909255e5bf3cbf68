//! The window of a replay: from one receive time up to another.

use journey::{TimeMark, Timestamp};

/// Which part of the log is replayed, by receive time: `from` included, `until` not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) from: Option<Timestamp>,
    pub(super) until: Option<Timestamp>,
}

impl Window {
    pub(super) fn holds(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// A mark as far as it speaks of the window: whoever passed on all before a later time passed on all before `until`,
    /// and what comes after that is not replayed. `None` if the mark claims no more than that anyway.
    pub(super) fn cut(&self, mark: &TimeMark) -> Option<TimeMark> {
        let until = self.until?;
        mark.sources.iter().find(|(_, _, at)| *at > until)?;
        let mut cut = mark.clone();
        for (_, _, at) in &mut cut.sources {
            *at = (*at).min(until);
        }
        Some(cut)
    }
}

#[cfg(test)]
mod tests {
    use journey::Millis;

    use super::*;

    #[test]
    fn the_window_s_end_is_not_in_it() {
        let window = Window {
            from: Some(Timestamp(10)),
            until: Some(Timestamp(20)),
        };
        assert_eq!(
            [9, 10, 19, 20].map(|at| window.holds(Timestamp(at))),
            [false, true, true, false]
        );
        assert!(Window::default().holds(Timestamp::MIN));
    }

    #[test]
    fn a_claim_beyond_the_window_is_cut_to_its_end_and_others_stay() {
        let mark = |ahead: i64| TimeMark {
            grace: Millis(5),
            sources: vec![
                ("raw".into(), 0, Timestamp(12)),
                ("raw".into(), 1, Timestamp(ahead)),
            ],
            of: [("raw".into(), 2)].into(),
            passed: None,
        };
        let window = Window {
            from: None,
            until: Some(Timestamp(20)),
        };
        assert_eq!(window.cut(&mark(30)), Some(mark(20)));
        assert_eq!(window.cut(&mark(20)), None);
        assert_eq!(Window::default().cut(&mark(30)), None);
    }
}
