//! Follows `journey.definitions` while a stage runs, and publishes each set that is complete.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use journey::definitions::Sets;

use super::{
    read::{From, ReadRecord, TopicReader},
    settings::Settings,
};
use crate::{definitions::Definitions, log::LogError, metrics::Metrics};

/// How often it looks whether the stage stops.
const LOOK: Duration = Duration::from_millis(200);
/// How long it waits before it begins anew after it could not read.
const PAUSE: Duration = Duration::from_secs(1);

/// The topic of definitions, read to its end, and on from there.
pub(crate) struct Follower {
    settings: Settings,
    topic: String,
    reader: TopicReader,
    sets: Sets,
}

impl Follower {
    /// Reads the topic to its end. Here a record that is not valid is an error: nothing older could go on in its place.
    pub(crate) fn open(settings: &Settings, topic: &str) -> Result<Follower, LogError> {
        let topics = [topic.to_owned()];
        let mut follower = Follower {
            settings: settings.clone(),
            topic: topic.to_owned(),
            reader: TopicReader::open(settings, &topics, From::Beginning)?,
            sets: Sets::default(),
        };
        // What was wrong and has been taken away, or put right, is wrong no longer.
        let mut wrong = BTreeMap::new();
        let sets = &mut follower.sets;
        follower.reader.read_to_end(|record| {
            match take(sets, &record) {
                Ok(()) => wrong.remove(&record.key),
                Err(error) => wrong.insert(record.key, error),
            };
        })?;
        let first = wrong.into_values().next();
        first.map_or(Ok(follower), |wrong| Err(LogError::new(wrong)))
    }

    /// What has been read.
    pub(crate) fn sets(&self) -> &Sets {
        &self.sets
    }

    /// What has been read, alone.
    pub(crate) fn into_sets(self) -> Sets {
        self.sets
    }

    /// Follows the topic until the stage stops. What cannot be read is said and counted, and what was in force stays in force.
    pub(crate) fn follow(
        mut self,
        definitions: &Definitions,
        metrics: &Metrics,
        stop: &AtomicBool,
    ) {
        while !stop.load(Ordering::Relaxed) {
            let published = match self.reader.next(LOOK) {
                Ok(None) => Ok(()),
                Ok(Some(record)) => self.take_in(&record, definitions),
                Err(error) => self.begin_anew(&error),
            };
            if let Err(why) = published {
                metrics.definitions_unreadable();
                tracing::warn!(why, "definitions: what was in force stays in force");
            }
        }
    }

    fn take_in(&mut self, record: &ReadRecord, definitions: &Definitions) -> Result<(), String> {
        take(&mut self.sets, record)?;
        if !is_manifest(record) {
            return Ok(());
        }
        let sets = self.sets.in_order().map_err(|e| e.to_string())?;
        let newest = sets.last().map_or(0, |set| set.version);
        tracing::info!(newest, "definitions read");
        definitions.publish(Arc::from(sets));
        Ok(())
    }

    /// A reader that failed is of no use any more: another one, from the beginning, which says the same again.
    fn begin_anew(&mut self, error: &LogError) -> Result<(), String> {
        thread::sleep(PAUSE);
        let topics = [self.topic.clone()];
        match TopicReader::open(&self.settings, &topics, From::Beginning) {
            Ok(reader) => self.reader = reader,
            Err(again) => return Err(format!("{error}; {again}")),
        }
        Err(error.to_string())
    }
}

/// The record that completes a set.
fn is_manifest(record: &ReadRecord) -> bool {
    record
        .key
        .as_deref()
        .is_some_and(|key| key.starts_with(b"set/"))
        && record.value.is_some()
}

fn take(sets: &mut Sets, record: &ReadRecord) -> Result<(), String> {
    let key = String::from_utf8_lossy(record.key.as_deref().unwrap_or_default());
    let taken = sets.take(&key, record.value.as_deref());
    taken.map_err(|e| e.to_string())
}
