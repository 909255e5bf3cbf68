//! How a transaction that did not stand at once is gone on with.

use std::time::Instant;

use super::{ABORTS, KafkaLog, REBALANCE_WAIT, RENEWED_AFTER};
use crate::{
    kafka::{failure::Failure, producer::Transactions},
    log::{Committed, LogError},
};

impl KafkaLog {
    pub(super) fn fail(
        &mut self,
        failure: Failure,
        aborts: &mut u32,
    ) -> Result<Option<Committed>, LogError> {
        match failure {
            Failure::Abortable(why) => {
                tracing::warn!(why, "transaction aborted, sending it again");
                match self.transactions.abort() {
                    Ok(()) => *aborts += 1,
                    Err(failure) => return self.fail(failure, aborts),
                }
                if *aborts > ABORTS {
                    return Err(LogError::new(format!(
                        "a transaction was aborted {ABORTS} times in a row, last: {why}"
                    )));
                }
                if aborts.is_multiple_of(RENEWED_AFTER) {
                    tracing::warn!(aborts, "a new producer sends it from here on");
                    self.renew()?;
                }
                Ok(None)
            }
            Failure::Lost(why) => {
                tracing::warn!(why, "the assignment is somebody else's");
                self.metrics.fenced();
                if let Err(failure) = self.transactions.abort() {
                    return self.fail(failure, aborts);
                }
                self.recover_since = Some(Instant::now());
                Ok(Some(Committed::Unknown))
            }
            Failure::Unknown(why) => {
                tracing::warn!(
                    why,
                    "nobody can say how a transaction ended: new producer, restoring what stands"
                );
                self.metrics.unknown_outcome();
                self.renew()?;
                self.recover_since = Instant::now()
                    .checked_sub(REBALANCE_WAIT)
                    .or_else(|| Some(Instant::now()));
                Ok(Some(Committed::Unknown))
            }
            Failure::Fatal(why) => Err(LogError::new(why)),
        }
    }

    /// A new producer under the old one's id, which ends whatever that left open.
    fn renew(&mut self) -> Result<(), LogError> {
        self.transactions = Transactions::open(&self.settings, self.topology.stage, self.worker)?;
        Ok(())
    }
}
