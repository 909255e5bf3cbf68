//! What a fold holds of one key.

use journey::Timestamp;

use crate::processor::{By, Timers};

/// A key's state and its timers.
#[derive(Debug)]
pub(super) struct Slot<S> {
    pub(super) state: Option<S>,
    /// What stands in the ordered sets: never later than what is awaited.
    pub(super) armed: Awaited,
    /// What the state waits for: beside it, so that whoever only asks when need not look at the state.
    pub(super) awaited: Awaited,
    /// Since the last capture.
    pub(super) changed: bool,
    /// Whether the changelog knows the key.
    pub(super) captured: bool,
}

impl<S> Slot<S> {
    pub(super) fn empty() -> Self {
        Slot {
            state: None,
            armed: Awaited::default(),
            awaited: Awaited::default(),
            changed: false,
            captured: false,
        }
    }
}

/// [`Timers`], in half the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Awaited {
    deadlines: [Timestamp; 2],
    kinds: [Option<u8>; 2],
}

impl Awaited {
    /// The earliest (deadline, kind) by this clock.
    #[inline]
    pub(super) fn by(&self, by: By) -> Option<(Timestamp, u8)> {
        let kind = self.kinds[by as usize]?;
        Some((self.deadlines[by as usize], kind))
    }

    #[inline]
    pub(super) fn set(&mut self, by: By, timer: Option<(Timestamp, u8)>) {
        let (deadline, kind) = timer.unzip();
        self.deadlines[by as usize] = deadline.unwrap_or_default();
        self.kinds[by as usize] = kind;
    }
}

impl From<Timers> for Awaited {
    #[inline]
    fn from(timers: Timers) -> Awaited {
        let mut awaited = Awaited::default();
        awaited.set(By::Frontier, timers.frontier);
        awaited.set(By::Watermark, timers.watermark);
        awaited
    }
}
