//! The log that is replayed, as far as it went when the replay began, however often it is read.

use std::{
    io::{IsTerminal, stderr},
    ops::Range,
    time::{Duration, Instant},
};

use anyhow::Context;
use journey::{Millis, Timestamp, topics};
use pipeline::kafka::{
    Settings,
    admin::Admin,
    read::{From, ReadRecord, TopicReader},
};

/// How much earlier than a window's start reading begins: the broker appends to `web.events` after it appended to the raw
/// topic, its clocks may differ, and every source should have claimed before the first event.
const EARLIER: Millis = Millis::from_mins(2);

/// `web.events` of the source lane, read once.
#[derive(Debug)]
pub(super) struct Source {
    reader: TopicReader,
    /// By partition: what comes after these was not there when the replay began.
    ends: Vec<i64>,
    what: &'static str,
    records: u64,
    shown: Instant,
    every: Duration,
}

impl Source {
    /// From the first record that may belong to a window with this start, up to these extents' ends. `what` it is read for is
    /// shown now and then.
    pub(super) fn open(
        settings: &Settings,
        from: Option<Timestamp>,
        extents: &[Range<i64>],
        what: &'static str,
    ) -> anyhow::Result<Source> {
        let topic = settings.lane.topic(topics::WEB_EVENTS);
        let from = first_record(settings, from)?;
        Ok(Source {
            reader: TopicReader::open(settings, &[topic], from)?,
            ends: extents.iter().map(|extent| extent.end).collect(),
            what,
            records: 0,
            shown: Instant::now(),
            every: Duration::from_secs(if stderr().is_terminal() { 1 } else { 10 }),
        })
    }

    /// The next record; `None` at the end.
    pub(super) fn next(&mut self) -> anyhow::Result<Option<ReadRecord>> {
        let unfinished = "delete the lane's topics before you try again";
        while let Some(record) = self.reader.next_there().context(unfinished)? {
            if self.was_there(&record) {
                self.show();
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    fn was_there(&self, record: &ReadRecord) -> bool {
        let end = self.ends.get(record.partition as usize);
        end.is_some_and(|end| record.offset < *end)
    }

    fn show(&mut self) {
        self.records += 1;
        if self.shown.elapsed() >= self.every {
            self.shown = Instant::now();
            footfall::say(format_args!("{}: {} records read", self.what, self.records));
        }
    }
}

/// Where reading begins. A record of a live lane is appended after what it was made of; one of a backfill lane may carry any
/// time, so all of that is read, as of a lane whose raw topics are not there.
fn first_record(settings: &Settings, from: Option<Timestamp>) -> anyhow::Result<From> {
    let Some(from) = from else {
        return Ok(From::Beginning);
    };
    let admin = Admin::connect(settings)?;
    let raw = settings.lane.topic(topics::WEB_EVENTS_RAW);
    let is_live = admin.partition_counts()?.contains_key(&raw)
        && admin.setting_now(&raw, "message.timestamp.type")? == "LogAppendTime";
    Ok(if is_live {
        From::Since(from - EARLIER)
    } else {
        From::Beginning
    })
}
