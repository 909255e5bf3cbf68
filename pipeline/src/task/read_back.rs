//! A changelog's records, made into states: of each key the last counts, so they are looked at from the end.

use hashbrown::HashSet;
use schemas::Malformed;

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
    floor: i64,
    /// Keys that have no state any more.
    gone: HashSet<S::Key>,
    /// Keys that cannot be read, as they came, and have no state any more.
    gone_unread: HashSet<Vec<u8>>,
    /// The task's own record; of one that is gone, nothing.
    own: Option<Option<Vec<u8>>>,
    newest: u8,
}

/// What is to be known of it beside the states.
pub(super) struct Found {
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
        floor: i64,
        fold: &'f mut Fold<S>,
    ) -> Result<Found, String> {
        let mut reading = ReadBack {
            fold,
            floor,
            gone: HashSet::new(),
            gone_unread: HashSet::new(),
            own: None,
            newest: 0,
        };
        changelog.each_from_the_end(|key, value| reading.take(key, value))?;
        reading.fold.arm_all();
        Ok(Found {
            own: reading.own.flatten(),
            newest: reading.newest,
        })
    }

    fn take(&mut self, encoded: &[u8], value: Option<&[u8]>) -> Result<(), String> {
        if encoded == TASK_KEY {
            self.own.get_or_insert_with(|| value.map(<[u8]>::to_vec));
            return Ok(());
        }
        let key: S::Key = match state_record::read_key(encoded) {
            Ok(key) => key,
            Err(malformed) => return self.pass_over(encoded, value, malformed),
        };
        if self.fold.state(&key).is_some() || self.gone.contains(&key) {
            return Ok(());
        }
        let Some(value) = value else {
            self.gone.insert(key);
            return Ok(());
        };
        let (Head { format, .. }, body) = head::<S>(value, self.floor)?;
        let state = S::read_state(format, body).map_err(unreadable)?;
        self.newest = self.newest.max(format);
        self.fold.put_back(key, state);
        Ok(())
    }

    /// A key that cannot be read is of no account if it has no state any more. Its value may say better what is the matter.
    fn pass_over(
        &mut self,
        encoded: &[u8],
        value: Option<&[u8]>,
        malformed: Malformed,
    ) -> Result<(), String> {
        if self.gone_unread.contains(encoded) {
            return Ok(());
        }
        if let Some(value) = value {
            head::<S>(value, self.floor)?;
            return Err(unreadable(malformed));
        }
        self.gone_unread.insert(encoded.to_vec());
        Ok(())
    }
}

fn unreadable(malformed: Malformed) -> String {
    state_record::Unreadable::from(malformed).to_string()
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
