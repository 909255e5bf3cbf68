//! Where a demo plays: one at a time, after nothing of an earlier one, and with the way to stop what it leaves running, should it
//! be kept, interrupted or killed.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, bail, ensure};
use footfall::lane::Cluster;

/// Stops the demo, from its first moment on.
const STOP: &str = "stop.sh";

/// A directory that is this demo's alone.
pub(super) struct Place {
    dir: PathBuf,
    _lock: File,
}

impl Place {
    /// Takes the directory. Refuses where another demo plays or was kept, and clears away what else is left of one: its numbers
    /// would be counted as this one's.
    pub(super) fn take(dir: &Path) -> anyhow::Result<Place> {
        fs::create_dir_all(dir).with_context(|| format!("{} cannot be made", dir.display()))?;
        let lock = dir.join("demo.lock");
        let lock =
            File::create(&lock).with_context(|| format!("{} cannot be written", lock.display()))?;
        if lock.try_lock().is_err() {
            bail!("another demo plays in {}: wait for its end", dir.display());
        }
        let place = Place {
            dir: dir.to_owned(),
            _lock: lock,
        };
        place.write_stop()?;
        let stop = place.stop();
        if Cluster::runs(dir) {
            bail!(
                "a demo was kept in {}, or killed there: stop it with `bash {}`",
                dir.display(),
                stop.display()
            );
        }
        let cleared = Command::new("bash").arg(&stop).output();
        let cleared = cleared.with_context(|| format!("{} cannot be run", stop.display()))?;
        let said = String::from_utf8_lossy(&cleared.stderr);
        ensure!(cleared.status.success(), "{}: {said}", stop.display());
        Ok(place)
    }

    /// What stops the demo, deletes its data and can be run whatever became of it.
    pub(super) fn stop(&self) -> PathBuf {
        self.dir.join(STOP)
    }

    /// Nothing is kept: stops Kafka, and deletes its data.
    pub(super) fn leave(self) -> anyhow::Result<()> {
        Cluster::down(&self.dir)?;
        let _ = fs::remove_file(self.stop());
        Ok(())
    }

    /// Its stages are what writes its logs.
    fn write_stop(&self) -> anyhow::Result<()> {
        let program = std::env::current_exe().context("this program has no path")?;
        let dir = self.dir.canonicalize();
        let dir = dir.with_context(|| format!("{} is gone", self.dir.display()))?;
        let (program, dir) = (program.display(), dir.display());
        let lines = format!(
            "# Stops the stages of a demo, and then its Kafka, with all that it holds.\n\
             stages() {{ find /proc/[0-9]*/fd/2 -lname '{dir}/demo-*' 2>/dev/null | cut -d/ -f3; }}\n\
             kill $(stages) 2>/dev/null\n\
             while [ -n \"$(stages)\" ] && [ $SECONDS -lt 30 ]; do sleep 0.2; done\n\
             kill -KILL $(stages) 2>/dev/null\n\
             exec '{program}' dev down --dir '{dir}' --delete\n"
        );
        fs::write(self.stop(), lines).with_context(|| format!("{STOP} cannot be written"))
    }
}
