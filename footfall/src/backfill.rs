//! Loading history into a lane of its own: records at the times of their sending, and the ticks that let time pass.
//!
//! The order is the file's. A record's timestamp is the greatest time of sending so far, over both raw topics. Ticks (no
//! key, no value) go into every partition of both, after the records that they follow, whenever the data's time has moved
//! on by [`Options::tick_every`]; the last of them lie past every timeout and grace, so that every visit ends.

mod envelope;

use journey::{Millis, Timestamp, partition, topics};
use pipeline::{
    kafka::{
        Settings,
        admin::Admin,
        write::{Out, Writer},
    },
    log::LogError,
};

pub use self::envelope::Envelope;

/// How far apart ticks are in the data's time, unless chosen otherwise.
pub const TICK_EVERY: Millis = Millis::from_secs(10);
/// How far past the last record the last ticks lie: a visit's longest life, the longest visit timeout, and the grace.
pub const CLOSE_AFTER: Millis = Millis::from_mins(26 * 60);

/// Records that come before any time is known wait for it; so many may.
const WAITING_LIMIT: usize = 100_000;

/// One of the two entrances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Raw {
    /// What sites send.
    Web,
    /// What the chat engine reports.
    Engagement,
}

impl Raw {
    /// Both.
    pub const ALL: [Raw; 2] = [Raw::Web, Raw::Engagement];

    /// The topic, without the lane's prefix.
    pub fn topic(self) -> &'static str {
        match self {
            Raw::Web => topics::WEB_EVENTS_RAW,
            Raw::Engagement => topics::ENGAGEMENT_EVENTS_RAW,
        }
    }
}

/// Finds a record's partition: by its key, or in turn.
#[derive(Clone, Debug)]
pub struct Placement {
    partitions: u32,
    next: u32,
}

impl Placement {
    /// Over so many partitions, at least one.
    pub fn new(partitions: u32) -> Placement {
        Placement {
            partitions: partitions.max(1),
            next: 0,
        }
    }

    /// Where the next record goes.
    pub fn of(&mut self, key: Option<&[u8]>) -> u32 {
        match key {
            Some(key) => partition::of_key(key, self.partitions),
            None => {
                self.next = (self.next + 1) % self.partitions;
                self.next
            }
        }
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> u32 {
        self.partitions
    }
}

/// How a backfill is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How far apart ticks are, in the data's time.
    pub tick_every: Millis,
    /// How far past the last record the last ticks lie.
    pub close_after: Millis,
    /// Count, and write nothing.
    pub dry_run: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            tick_every: TICK_EVERY,
            close_after: CLOSE_AFTER,
            dry_run: false,
        }
    }
}

/// What was loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// Records.
    pub records: u64,
    /// Ticks.
    pub ticks: u64,
    /// The first record's time.
    pub from: Option<Timestamp>,
    /// The last record's time, or that of the last ticks once finished.
    pub until: Option<Timestamp>,
}

/// The data's time: it only goes on, and says when ticks are due.
#[derive(Clone, Debug)]
struct DataTime {
    tick_every: Millis,
    now: Option<Timestamp>,
    ticked: Timestamp,
}

impl DataTime {
    fn new(tick_every: Millis) -> DataTime {
        DataTime {
            tick_every,
            now: None,
            ticked: Timestamp::MIN,
        }
    }

    /// Goes on to `at`, or stays where it is; `None` until any time is known.
    fn advance(&mut self, at: Option<Timestamp>) -> Option<Timestamp> {
        self.now = self.now.max(at);
        self.now
    }

    /// The time at which ticks are due now, if they are.
    fn due(&self) -> Option<Timestamp> {
        self.now.filter(|now| *now >= self.ticked + self.tick_every)
    }
}

/// A record that waits for the first time to be known.
#[derive(Debug)]
struct Waiting {
    raw: Raw,
    key: Option<Vec<u8>>,
    json: Vec<u8>,
}

/// Loads records and ticks into the raw topics of a backfill lane.
#[derive(Debug)]
pub struct BackfillLoader {
    writer: Option<Writer>,
    names: [String; 2],
    placements: [Placement; 2],
    time: DataTime,
    close_after: Millis,
    waiting: Vec<Waiting>,
    loaded: Loaded,
}

impl BackfillLoader {
    /// Connects, and sees that the lane's raw topics keep the times that are written.
    pub fn open(settings: &Settings, options: &Options) -> Result<BackfillLoader, LogError> {
        let admin = Admin::connect(settings)?;
        let counts = admin.partition_counts()?;
        let names = Raw::ALL.map(|raw| settings.lane.topic(raw.topic()));
        for name in &names {
            if !counts.contains_key(name) {
                return Err(LogError::new(format!(
                    "topic {name} is missing: create the lane with `footfall topics apply --backfill`"
                )));
            }
            let kept = admin.setting_now(name, "message.timestamp.type")?;
            if kept != "CreateTime" {
                return Err(LogError::new(format!(
                    "topic {name} has message.timestamp.type={kept} and would not keep the times of a backfill: make a lane \
                     for it with `footfall topics apply --backfill --topic-prefix backfill.`, and load into that"
                )));
            }
        }
        let writer = if options.dry_run {
            None
        } else {
            Some(Writer::open(settings)?)
        };
        Ok(BackfillLoader {
            writer,
            placements: [&names[0], &names[1]].map(|name| Placement::new(counts[name])),
            names,
            time: DataTime::new(options.tick_every),
            close_after: options.close_after,
            waiting: Vec::new(),
            loaded: Loaded::default(),
        })
    }

    /// Loads a record that was sent at `sent_at`; without one it takes the greatest time so far. Then ticks, if it is time.
    pub fn record(
        &mut self,
        raw: Raw,
        key: Option<&[u8]>,
        json: &[u8],
        sent_at: Option<Timestamp>,
    ) -> Result<(), LogError> {
        // Kafka has no times before 1970, and the client takes 0 for now.
        let sent_at = sent_at.filter(|at| at.0 > 0);
        let Some(at) = self.time.advance(sent_at) else {
            self.waiting.push(Waiting {
                raw,
                key: key.map(<[u8]>::to_vec),
                json: json.to_vec(),
            });
            return if self.waiting.len() > WAITING_LIMIT {
                Err(no_time())
            } else {
                Ok(())
            };
        };
        self.let_go(at)?;
        self.write(raw, key, json, at)?;
        match self.time.due() {
            Some(at) => self.tick_all(at),
            None => Ok(()),
        }
    }

    /// Says that nothing more was sent before `at`: ticks every partition of both raw topics.
    pub fn tick_all(&mut self, at: Timestamp) -> Result<(), LogError> {
        let at = self.time.advance(Some(at)).unwrap_or(at);
        self.time.ticked = at;
        for (name, placement) in self.names.iter().zip(&self.placements) {
            for partition in 0..placement.partitions() {
                self.loaded.ticks += 1;
                let Some(writer) = &mut self.writer else {
                    continue;
                };
                writer.send(&Out {
                    topic: name,
                    partition,
                    key: None,
                    value: None,
                    timestamp: Some(at),
                })?;
            }
        }
        self.loaded.until = Some(at);
        Ok(())
    }

    /// Ticks past every timeout and grace, and waits until everything is acknowledged.
    pub fn finish(mut self) -> Result<Loaded, LogError> {
        match self.time.now {
            Some(now) => {
                self.let_go(now)?;
                self.tick_all(now + self.close_after)?;
            }
            None if self.waiting.is_empty() => {}
            None => return Err(no_time()),
        }
        if let Some(writer) = &mut self.writer {
            writer.finish()?;
        }
        Ok(self.loaded)
    }

    /// Writes what waited for a time to be known.
    fn let_go(&mut self, at: Timestamp) -> Result<(), LogError> {
        for waiting in std::mem::take(&mut self.waiting) {
            self.write(waiting.raw, waiting.key.as_deref(), &waiting.json, at)?;
        }
        Ok(())
    }

    fn write(
        &mut self,
        raw: Raw,
        key: Option<&[u8]>,
        json: &[u8],
        at: Timestamp,
    ) -> Result<(), LogError> {
        self.loaded.records += 1;
        self.loaded.from.get_or_insert(at);
        self.loaded.until = Some(at);
        let partition = self.placements[raw as usize].of(key);
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        writer.send(&Out {
            topic: &self.names[raw as usize],
            partition,
            key,
            value: Some(json),
            timestamp: Some(at),
        })
    }
}

fn no_time() -> LogError {
    LogError::new(
        "no line so far says when it was sent: a backfill needs `sentDate` or `createdDate`, RFC 3339, in its events".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_s_time_never_goes_back() {
        let mut time = DataTime::new(Millis(10));
        assert_eq!(time.advance(None), None);
        assert_eq!(time.advance(Some(Timestamp(100))), Some(Timestamp(100)));
        assert_eq!(time.advance(Some(Timestamp(90))), Some(Timestamp(100)));
        assert_eq!(time.advance(None), Some(Timestamp(100)));
    }

    #[test]
    fn ticks_are_due_when_the_time_has_moved_on_far_enough() {
        let mut time = DataTime::new(Millis(10));
        assert_eq!(time.due(), None);
        time.advance(Some(Timestamp(100)));
        assert_eq!(time.due(), Some(Timestamp(100)), "the first time of all");
        time.ticked = Timestamp(100);
        time.advance(Some(Timestamp(109)));
        assert_eq!(time.due(), None);
        time.advance(Some(Timestamp(110)));
        assert_eq!(time.due(), Some(Timestamp(110)));
    }

    #[test]
    fn records_without_a_key_go_round() {
        let mut placement = Placement::new(3);
        let round: Vec<u32> = (0..4).map(|_| placement.of(None)).collect();
        assert_eq!(round, [1, 2, 0, 1]);
        let key = placement.of(Some(b"foobar"));
        assert_eq!(key, placement.of(Some(b"foobar")));
    }
}
