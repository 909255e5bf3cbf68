//! A changelog's records, made into states: of each key the last counts, so they are looked at from the end.

use hashbrown::HashSet;

use crate::{
    changelog::Changelog,
    fold::Fold,
    processor::Stage,
    state_record::{self, Head, TASK_KEY},
};

/// What a changelog says, as far as it was looked at.
pub(super) struct ReadBack<'f, S: Stage> {
    fold: &'f mut Fold<S>,
    /// The input offset that no state may be beyond.
    committed: i64,
    /// Keys that have no state any more.
    gone: HashSet<S::Key>,
    rest: Rest,
}

/// What is no state.
#[derive(Default)]
pub(super) struct Rest {
    /// The task's own record.
    pub(super) own: Option<Vec<u8>>,
    /// The newest format in which a state stands; 0 without any.
    pub(super) newest: u8,
}

impl<'f, S: Stage> ReadBack<'f, S> {
    /// Puts all states into a fold that holds nothing yet. An error says why one cannot be read. What another record has taken the
    /// place of is not looked at: a newer release may have written it before it was told to go back.
    pub(super) fn read(
        changelog: Changelog,
        committed: i64,
        fold: &'f mut Fold<S>,
    ) -> Result<Rest, String> {
        let mut reading = ReadBack {
            fold,
            committed,
            gone: HashSet::new(),
            rest: Rest::default(),
        };
        changelog.each_from_the_end(|key, value| reading.take(key, value))?;
        reading.fold.arm_all();
        Ok(reading.rest)
    }

    fn take(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), String> {
        if key == TASK_KEY {
            let own = &mut self.rest.own;
            *own = own.take().or_else(|| value.map(<[u8]>::to_vec));
            return Ok(());
        }
        let key: S::Key = state_record::read_key(key).map_err(|e| e.to_string())?;
        if self.fold.state(&key).is_some() || self.gone.contains(&key) {
            return Ok(());
        }
        let Some(value) = value else {
            self.gone.insert(key);
            return Ok(());
        };
        let (Head { format, .. }, body) = head::<S>(value, self.committed)?;
        let state = S::read_state(format, body).map_err(|e| e.to_string())?;
        self.rest.newest = self.rest.newest.max(format);
        self.fold.put_back(key, state);
        Ok(())
    }
}

/// Takes a changelog value's head off; or says why not. A record may not know of input that is not committed.
pub(super) fn head<S: Stage>(value: &[u8], committed: i64) -> Result<(Head, &[u8]), String> {
    let (head, body) = state_record::read_head(value, S::STATE_FORMAT, S::FOLD_VERSION)
        .map_err(|e| e.to_string())?;
    let holds = head.position.next_offset;
    if holds > committed {
        return Err(state_record::Unreadable::Ahead { holds, committed }.to_string());
    }
    Ok((head, body))
}
