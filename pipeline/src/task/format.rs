//! In which format a task writes its states.

use super::Task;
use crate::processor::Stage;

impl<S: Stage> Task<S> {
    /// States are written in this format from now on; never one that is not known. Those that stand in an older one stay as
    /// they are until they change. If any stands in a newer one, all are written anew in the next commit: the release before
    /// may be the next to read them.
    pub fn write_format(&mut self, format: u8) {
        self.format = format.clamp(1, S::STATE_FORMAT);
        if self.newest_found > self.format {
            self.fold.mark_all_changed();
            self.capture.is_due = true;
            self.capture.is_behind = true;
            self.newest_found = self.format;
        }
    }
}
