//! The accounts: how much came in by deployment and minute, and what became of it.
//!
//! What a minute brought is told when it is over, as one record a deployment on `ingest.accounts`, in the transaction of the
//! batch that ended it. Until then the counts stand beside the committed offset: as atomic as a record, read back at every
//! restore, and no partition more for a transaction to touch. Should they ever grow too long for that place they are told
//! early; accounts of the same minute add up.

use std::{borrow::Cow, collections::BTreeMap};

use journey::{AccountCount, DeploymentId, IngestAccount, Text, Timestamp, account::SPAN};
use pipeline::{changelog::OWN_LIMIT, outbox::Fate};
use serde_json::{Value, json};

/// So many ended in this way, for this reason.
type Counted = (Fate, Cow<'static, str>, i64);
/// By deployment; without a name what named none that is defined.
type Counts = BTreeMap<Text, Vec<Counted>>;

/// What a task has taken in and not told yet.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    /// The minute that runs.
    minute: Timestamp,
    counts: Counts,
    /// Minutes that are over.
    closed: Vec<(Timestamp, Counts)>,
}

const FATES: [Fate; 3] = [Fate::Forwarded, Fate::Suppressed, Fate::DeadLettered];

impl Accounts {
    /// One record more. Time never goes back within a task.
    pub(crate) fn add(
        &mut self,
        received_at: Timestamp,
        deployment: &str,
        fate: Fate,
        reason: &'static str,
    ) {
        self.turn(received_at);
        if !self.counts.contains_key(deployment) {
            self.counts.insert(Text::from(deployment), Vec::new());
        }
        let Some(counted) = self.counts.get_mut(deployment) else {
            return;
        };
        match counted
            .iter_mut()
            .find(|(f, r, _)| (*f, &**r) == (fate, reason))
        {
            Some((_, _, count)) => *count += 1,
            None => counted.push((fate, Cow::Borrowed(reason), 1)),
        }
    }

    /// Closes the minute that ran if a later one has begun.
    fn turn(&mut self, now: Timestamp) {
        let minute = now.floor(SPAN);
        if minute != self.minute {
            let counts = std::mem::take(&mut self.counts);
            if !counts.is_empty() {
                self.closed.push((self.minute, counts));
            }
            self.minute = minute;
        }
    }

    /// What is to be told before a commit: the minutes that are over at `now`, and the one that runs if it cannot stand
    /// beside the offset.
    pub(crate) fn due(
        &mut self,
        now: Timestamp,
        topic: &str,
        partition: u32,
    ) -> Vec<IngestAccount> {
        if self.counts.is_empty() && self.closed.is_empty() {
            return Vec::new();
        }
        self.turn(now);
        if self.is_long() {
            let counts = std::mem::take(&mut self.counts);
            self.closed.push((self.minute, counts));
        }
        let account = |minute, (deployment, counted): (Text, Vec<Counted>)| IngestAccount {
            topic: Text::from(topic),
            partition: partition as i32,
            deployment_id: DeploymentId(deployment),
            minute,
            counts: counted.into_iter().map(told).collect(),
        };
        let minutes = self.closed.drain(..);
        minutes
            .flat_map(|(minute, counts)| counts.into_iter().map(move |one| account(minute, one)))
            .collect()
    }

    /// A few deployments never are: looked at closely only where there are many.
    fn is_long(&self) -> bool {
        let lines: usize = self.counts.values().map(Vec::len).sum();
        lines > 10 && self.note().to_string().len() > OWN_LIMIT
    }

    /// What has not been told yet: the minute, and `[deployment, fate, reason, count]` each. Null if there is nothing.
    pub(crate) fn note(&self) -> Value {
        if self.counts.is_empty() {
            return Value::Null;
        }
        let of_fate = |fate: Fate| FATES.iter().position(|known| *known == fate);
        let lines = self.counts.iter().flat_map(|(deployment, counted)| {
            let line = move |(fate, reason, count): &Counted| {
                json!([deployment.as_str(), of_fate(*fate), reason, count])
            };
            counted.iter().map(line)
        });
        json!({"minute": self.minute.0, "counts": lines.collect::<Vec<_>>()})
    }

    /// Takes back what was noted.
    pub(crate) fn recall(&mut self, note: &Value) {
        let Some(minute) = note["minute"].as_i64() else {
            return;
        };
        self.minute = Timestamp(minute);
        for line in note["counts"].as_array().into_iter().flatten() {
            let fate = line[1].as_u64().and_then(|at| FATES.get(at as usize));
            let (Some(deployment), Some(fate), Some(reason), Some(count)) =
                (line[0].as_str(), fate, line[2].as_str(), line[3].as_i64())
            else {
                continue;
            };
            let counted = self.counts.entry(Text::from(deployment)).or_default();
            counted.push((*fate, Cow::Owned(reason.to_owned()), count));
        }
    }
}

fn told((fate, reason, count): Counted) -> AccountCount {
    AccountCount {
        result: Text::from(fate.as_str()),
        reason: Text::from(&*reason),
        count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    /// `minute deployment: result reason count, …` of each account.
    fn lines(accounts: Vec<IngestAccount>) -> Vec<String> {
        let line = |account: &IngestAccount| {
            let counts = account.counts.iter();
            let counts: Vec<_> = counts
                .map(|c| format!("{} {} {}", c.result, c.reason, c.count))
                .collect();
            let minute = account.minute.0 / MINUTE;
            format!("{minute} {}: {}", account.deployment_id, counts.join(", "))
        };
        accounts.iter().map(line).collect()
    }

    fn some() -> Accounts {
        let mut accounts = Accounts::default();
        accounts.add(Timestamp(MINUTE), "shop", Fate::Forwarded, "");
        accounts.add(Timestamp(MINUTE + 5), "shop", Fate::Forwarded, "");
        accounts.add(Timestamp(MINUTE + 6), "shop", Fate::Suppressed, "gpc");
        accounts.add(Timestamp(MINUTE + 7), "", Fate::DeadLettered, "not_json");
        accounts
    }

    const TOLD: [&str; 2] = [
        "1 : dead_lettered not_json 1",
        "1 shop: forwarded  2, suppressed gpc 1",
    ];

    #[test]
    fn a_minute_is_told_once_it_is_over() {
        let mut accounts = some();
        assert!(accounts.due(Timestamp(2 * MINUTE - 1), "raw", 3).is_empty());
        let due = accounts.due(Timestamp(2 * MINUTE), "raw", 3);
        assert_eq!((due[0].topic.as_str(), due[0].partition), ("raw", 3));
        assert_eq!(lines(due), TOLD);
        assert!(accounts.due(Timestamp(3 * MINUTE), "raw", 3).is_empty());
        assert_eq!(accounts.note(), Value::Null);
    }

    #[test]
    fn a_batch_may_span_minutes() {
        let mut accounts = some();
        accounts.add(Timestamp(3 * MINUTE), "shop", Fate::Forwarded, "");
        let due = accounts.due(Timestamp(3 * MINUTE), "raw", 0);
        assert_eq!(lines(due), TOLD);
        let due = accounts.due(Timestamp(4 * MINUTE), "raw", 0);
        assert_eq!(lines(due), ["3 shop: forwarded  1"]);
    }

    #[test]
    fn what_is_not_told_yet_is_noted_and_read_back_as_it_was() {
        let noted = some().note();
        let mut restored = Accounts::default();
        restored.recall(&noted);
        assert_eq!(restored.note(), noted);
        restored.add(Timestamp(MINUTE + 8), "shop", Fate::Suppressed, "gpc");
        let due = restored.due(Timestamp(2 * MINUTE), "raw", 0);
        assert_eq!(
            lines(due),
            [TOLD[0], "1 shop: forwarded  2, suppressed gpc 2"]
        );
    }

    #[test]
    fn what_would_not_fit_beside_the_offset_is_told_early() {
        let mut accounts = Accounts::default();
        for i in 0..200 {
            accounts.add(
                Timestamp(1),
                &format!("deployment-{i:03}"),
                Fate::Forwarded,
                "",
            );
        }
        assert_eq!(accounts.due(Timestamp(2), "raw", 0).len(), 200);
        assert_eq!(accounts.note(), Value::Null);
        for i in 0..40 {
            accounts.add(
                Timestamp(3),
                &format!("deployment-{i:03}"),
                Fate::Forwarded,
                "",
            );
        }
        assert!(accounts.due(Timestamp(4), "raw", 0).is_empty());
        assert!(accounts.note().to_string().len() <= OWN_LIMIT);
    }

    #[test]
    fn a_note_that_is_none_is_left_alone() {
        for note in [
            Value::Null,
            json!(5),
            json!({"minute": 1, "counts": [[1, 2], "x", null]}),
        ] {
            let mut accounts = Accounts::default();
            accounts.recall(&note);
            assert!(accounts.counts.is_empty());
        }
    }
}
