//! Tasks as they were committed: many states are made of their bytes by several threads.

use std::{sync::Arc, thread, time::Duration};

use journey::definitions::DefinitionSet;

use super::Worker;
use crate::{
    log::{Log, LogError, Restored},
    processor::{Stage, TaskContext},
    task::Task,
};

/// How long a restore waits for a version of the definitions that was in force and has not been read here yet.
const DEFINITIONS_WAIT: Duration = Duration::from_secs(10);
/// Records for which it is worth while to have a thread for each task.
const MANY: usize = 10_000;

/// What a task is made of.
struct Remains<S> {
    stage: S,
    context: TaskContext,
    sets: Arc<[Arc<DefinitionSet>]>,
    restored: Restored,
}

impl<S: Stage> Remains<S> {
    fn restore(self) -> Result<Task<S>, LogError> {
        Task::restore(self.stage, self.context, self.sets, self.restored)
    }
}

impl<S: Stage, L: Log> Worker<S, L> {
    /// The tasks that were assigned, as they were committed.
    pub(super) fn restore(&self, restored: Vec<Restored>) -> Result<Vec<Task<S>>, LogError> {
        let records: usize = restored.iter().map(|one| one.changelog.len()).sum();
        let remains = restored.into_iter().filter_map(|restored| {
            let id = restored.task?;
            let context = TaskContext {
                input: id.input,
                partition: id.partition,
                partition_count: restored.partition_count,
            };
            let version = restored.note.as_ref().map_or(0, |note| note.definitions);
            Some(Remains {
                stage: (self.make)(context),
                context,
                sets: self.definitions.with(version, DEFINITIONS_WAIT),
                restored,
            })
        });
        if records < MANY {
            return remains.map(Remains::restore).collect();
        }
        let remains: Vec<_> = remains.collect();
        thread::scope(|scope| {
            let restoring = remains
                .into_iter()
                .map(|remains| scope.spawn(|| remains.restore()));
            let restoring: Vec<_> = restoring.collect();
            let restored = restoring.into_iter().map(|one| {
                one.join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            });
            restored.collect()
        })
    }
}
