//! The states of one task and their timers: where a [`Processor`] is driven, without any bytes.
//!
//! Timers are derived from states. Each key has at most one entry per clock in an ordered set; an entry may lie *before*
//! what the state now wants (a visit that goes on moves its deadlines at every event) and is put right only when it comes
//! up. As an entry never lies after, the order of firing is exact and most events touch no set at all.

mod outlook;
mod restore;
mod slot;
mod tally;

use std::collections::BTreeSet;

use hashbrown::HashMap;
use journey::{TaskTime, Timestamp};

use self::{
    slot::{Awaited, Slot},
    tally::Tally,
};
use crate::processor::{By, Processor, Timer, Timers};

/// The last timer that fired: where a mark that spans commits goes on.
pub type Cursor<K> = (Timestamp, u8, K);

/// Timers in the order in which they fire, by clock.
type Armed<K> = [BTreeSet<Cursor<K>>; 2];

/// The states of one task's keys, and their timers.
#[derive(Debug)]
pub struct Fold<P: Processor> {
    processor: P,
    slots: HashMap<P::Key, Slot<P::State>>,
    armed: Armed<P::Key>,
    changed: Vec<P::Key>,
    time: TaskTime,
    tally: Tally,
    limit: Option<usize>,
}

/// At the state limit a sixty-fourth of it goes at once, so that the states are looked through seldom,
const ROOM: usize = 64;
/// but never more than this, as all of it goes into one transaction.
const EVICTED_AT_ONCE: usize = 10_000;

impl<P: Processor> Fold<P> {
    /// No states, no time.
    pub fn new(processor: P) -> Self {
        Fold {
            processor,
            slots: HashMap::new(),
            armed: [BTreeSet::new(), BTreeSet::new()],
            changed: Vec::new(),
            time: TaskTime::UNKNOWN,
            tally: Tally::default(),
            limit: None,
        }
    }

    /// The processor.
    pub fn processor(&self) -> &P {
        &self.processor
    }

    /// The processor, to decode and to adopt definitions with.
    pub fn processor_mut(&mut self) -> &mut P {
        &mut self.processor
    }

    /// What time it is.
    pub fn time(&self) -> TaskTime {
        self.time
    }

    /// Sets the time without firing anything: [`Fold::fire_next`] does that.
    pub fn set_time(&mut self, time: TaskTime) {
        self.time = time;
    }

    /// How many keys have a state.
    pub fn len(&self) -> usize {
        self.tally.states
    }

    /// No key has a state.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much is open in all states together, as [`Processor::open_in`] counts it.
    pub fn open(&self) -> usize {
        self.tally.open
    }

    /// The state of a key.
    pub fn state(&self, key: &P::Key) -> Option<&P::State> {
        self.slots.get(key)?.state.as_ref()
    }

    /// How many keys may have a state from now on.
    pub fn set_limit(&mut self, limit: Option<usize>) {
        self.limit = limit;
    }

    /// How many keys may have a state.
    pub fn limit(&self) -> Option<usize> {
        self.limit
    }

    /// If more keys have a state than may: those to [`Fold::evict`] now, the longest silent first. It hangs on the states
    /// alone, not on how the task came to them.
    pub fn over_limit(&self) -> Vec<P::Key> {
        let Some(limit) = self.limit.filter(|limit| self.len() > *limit) else {
            return Vec::new();
        };
        let states = self.slots.iter();
        let mut silent: Vec<_> = states
            .filter_map(|(key, slot)| {
                let since = self.processor.silent_since(slot.state.as_ref()?);
                Some((since, key))
            })
            .collect();
        let count = (self.len() - limit + limit / ROOM).clamp(1, EVICTED_AT_ONCE);
        if count < silent.len() {
            silent.select_nth_unstable(count);
            silent.truncate(count);
        }
        silent.sort_unstable();
        silent.into_iter().map(|(_, key)| key.clone()).collect()
    }

    /// Lets a key go before its time.
    pub fn evict(&mut self, key: &P::Key, out: &mut Vec<P::Output>) {
        let Some(slot) = self.slots.get_mut(key) else {
            return;
        };
        let Some(state) = slot.state.take() else {
            return;
        };
        self.tally.take(&self.processor, &state);
        self.processor.evict(&self.time, key, state, out);
        settle(&self.processor, &mut self.armed, key, slot, None);
        mark_changed(&mut self.changed, key, slot);
    }

    /// Applies an input, after its key's frontier timers with a deadline before the input's own time.
    pub fn apply(&mut self, input: P::Input, out: &mut Vec<P::Output>) -> P::Key {
        let key = self.processor.key(&input);
        let at = self.processor.time(&input);
        let Self {
            processor,
            slots,
            armed,
            time,
            tally,
            changed,
            ..
        } = self;
        let slot = slots.entry(key.clone()).or_insert_with(Slot::empty);
        while let Some((deadline, kind)) = slot.awaited.by(By::Frontier)
            && deadline < at
            && let Some(state) = slot.state.take()
        {
            let timer = Timer {
                deadline,
                kind,
                by: By::Frontier,
            };
            tally.take(processor, &state);
            let next = processor.on_timer(time, &key, state, timer, out);
            tally.put(processor, next.as_ref());
            slot.awaited = awaited(processor, next.as_ref());
            slot.state = next;
        }
        let before = slot.state.take();
        if let Some(before) = &before {
            tally.take(processor, before);
        }
        let after = processor.apply(time, &key, before, input, out);
        tally.put(processor, after.as_ref());
        settle(processor, armed, &key, slot, after);
        mark_changed(changed, &key, slot);
        key
    }

    /// Fires the first timer that is due, in the order (deadline, kind, key) over both clocks.
    /// Says which; `None` when no timer is due any more.
    pub fn fire_next(&mut self, out: &mut Vec<P::Output>) -> Option<Cursor<P::Key>> {
        self.fire_next_through(None, out)
    }

    /// As [`Fold::fire_next`], and no timer behind `last`.
    pub fn fire_next_through(
        &mut self,
        last: Option<&Cursor<P::Key>>,
        out: &mut Vec<P::Output>,
    ) -> Option<Cursor<P::Key>> {
        loop {
            let by = self.next_due()?;
            let first = self.armed[by as usize].first()?;
            if last.is_some_and(|last| first > last) {
                return None;
            }
            let (deadline, kind, key) = self.armed[by as usize].pop_first()?;
            let Some(slot) = self.slots.get_mut(&key) else {
                continue;
            };
            if slot.armed.by(by) != Some((deadline, kind)) {
                continue;
            }
            slot.armed.set(by, None);
            if slot.awaited.by(by) != Some((deadline, kind)) {
                arm(&mut self.armed, &key, slot, by);
                continue;
            }
            let Some(state) = slot.state.take() else {
                continue;
            };
            debug_assert_eq!(
                slot.awaited,
                awaited(&self.processor, Some(&state)),
                "what is awaited follows from the state alone"
            );
            self.tally.take(&self.processor, &state);
            let after =
                self.processor
                    .on_timer(&self.time, &key, state, Timer { deadline, kind, by }, out);
            self.tally.put(&self.processor, after.as_ref());
            debug_assert!(
                after.as_ref().is_none_or(|state| follows(
                    &self.processor.timers(state),
                    &self.time,
                    (deadline, kind)
                )),
                "a firing timer never arms one ordered before itself"
            );
            settle(&self.processor, &mut self.armed, &key, slot, after);
            mark_changed(&mut self.changed, &key, slot);
            return Some((deadline, kind, key));
        }
    }

    /// Whether some timer may be due: what comes up may turn out to have moved on.
    pub fn may_be_due(&self) -> bool {
        self.next_due().is_some()
    }

    fn next_due(&self) -> Option<By> {
        let due = |by: By, now: Timestamp| {
            self.armed[by as usize]
                .first()
                .filter(|(deadline, _, _)| *deadline < now)
        };
        match (
            due(By::Frontier, self.time.frontier),
            due(By::Watermark, self.time.watermark),
        ) {
            (Some(frontier), Some(watermark)) if watermark < frontier => Some(By::Watermark),
            (Some(_), _) => Some(By::Frontier),
            (None, Some(_)) => Some(By::Watermark),
            (None, None) => None,
        }
    }

    /// How many keys [`Fold::drain_changes`] would hand out at the most.
    pub fn changed(&self) -> usize {
        self.changed.len()
    }

    /// Hands out what changed since the last call, each key once with its last state, in the order of first change. A key
    /// that never had a captured state and has none now is left out.
    pub fn drain_changes(&mut self, mut each: impl FnMut(&P::Key, Option<&P::State>)) {
        for key in self.changed.drain(..) {
            let Some(slot) = self.slots.get_mut(&key) else {
                continue;
            };
            slot.changed = false;
            if slot.state.is_some() || slot.captured {
                each(&key, slot.state.as_ref());
            }
            slot.captured = slot.state.is_some();
            if slot.state.is_none() {
                self.slots.remove(&key);
            }
        }
    }

    /// Every key counts as changed, in order of key.
    pub fn mark_all_changed(&mut self) {
        let mut keys: Vec<P::Key> = self.slots.keys().cloned().collect();
        keys.sort();
        for key in keys {
            if let Some(slot) = self.slots.get_mut(&key) {
                mark_changed(&mut self.changed, &key, slot);
            }
        }
    }

    /// Every key with its state, in order of key.
    pub fn states(&self) -> Vec<(&P::Key, &P::State)> {
        let mut states: Vec<_> = self
            .slots
            .iter()
            .filter_map(|(key, slot)| Some((key, slot.state.as_ref()?)))
            .collect();
        states.sort_by_key(|(key, _)| *key);
        states
    }
}

/// What a state waits for; of none, nothing.
fn awaited<P: Processor>(processor: &P, state: Option<&P::State>) -> Awaited {
    state.map_or_else(Awaited::default, |state| processor.timers(state).into())
}

/// Whether every timer that is due comes after the one that fired. A timer of the other clock may lie before it: it is
/// not due yet.
fn follows(timers: &Timers, time: &TaskTime, fired: (Timestamp, u8)) -> bool {
    let frontier = timers
        .frontier
        .filter(|(deadline, _)| *deadline < time.frontier);
    let watermark = timers
        .watermark
        .filter(|(deadline, _)| *deadline < time.watermark);
    [frontier, watermark]
        .into_iter()
        .flatten()
        .all(|timer| timer > fired)
}

fn mark_changed<K: Clone, S>(changed: &mut Vec<K>, key: &K, slot: &mut Slot<S>) {
    if !slot.changed {
        slot.changed = true;
        changed.push(key.clone());
    }
}

/// Stores a state and arms its timers.
fn settle<P: Processor>(
    processor: &P,
    armed: &mut Armed<P::Key>,
    key: &P::Key,
    slot: &mut Slot<P::State>,
    state: Option<P::State>,
) {
    slot.awaited = awaited(processor, state.as_ref());
    let gone = state.is_none();
    slot.state = state;
    for by in [By::Frontier, By::Watermark] {
        let have = slot.armed.by(by);
        let earlier = match (slot.awaited.by(by), have) {
            (Some(want), Some(have)) => want < have,
            (Some(_), None) => true,
            (None, Some(_)) => gone,
            (None, None) => false,
        };
        if !earlier {
            continue;
        }
        if let Some((deadline, kind)) = have {
            armed[by as usize].remove(&(deadline, kind, key.clone()));
        }
        arm(armed, key, slot, by);
    }
}

/// Arms what the key waits for by this clock.
fn arm<K: Clone + Ord, S>(armed: &mut Armed<K>, key: &K, slot: &mut Slot<S>, by: By) {
    let timer = slot.awaited.by(by);
    slot.armed.set(by, timer);
    if let Some((deadline, kind)) = timer {
        armed[by as usize].insert((deadline, kind, key.clone()));
    }
}

#[cfg(test)]
mod tests;
