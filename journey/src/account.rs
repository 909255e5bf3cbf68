//! What became of what came in: the accounts that `ingest` keeps, to be added up by whoever asks.

use crate::{DeploymentId, Millis, Text, Timestamp};

/// How long one account spans.
pub const SPAN: Millis = Millis(60_000);

/// What one raw partition brought in one minute of one deployment, or a part of it: accounts of the same minute add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngestAccount {
    /// The raw topic, without the lane's prefix.
    pub topic: Text,
    /// Its partition.
    pub partition: i32,
    /// Whose events; empty where they named no deployment that is defined.
    pub deployment_id: DeploymentId,
    /// The beginning of the minute, by the broker's append time.
    pub minute: Timestamp,
    /// What became of them.
    pub counts: Vec<AccountCount>,
}

/// So many ended in this way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountCount {
    /// `forwarded`, `suppressed` or `dead_lettered`.
    pub result: Text,
    /// Why, of the latter two.
    pub reason: Text,
    /// How many.
    pub count: i64,
}
