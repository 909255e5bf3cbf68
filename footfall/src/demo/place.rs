//! Where a demo plays: one at a time, after nothing of an earlier one, and with the way to stop what it leaves running, should it
//! be kept, interrupted or killed.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail, ensure};
use footfall::lane::Cluster;

/// Stops the demo, from its first moment on.
const STOP: &str = "stop.sh";
/// What is there where a demo has played; locked while one does.
const LOCK: &str = "demo.lock";

/// A directory that is this demo's alone.
pub(super) struct Place {
    dir: PathBuf,
    /// Whether it is to be left when this goes.
    leaves: bool,
    _lock: File,
}

impl Place {
    /// Takes the directory. Refuses where another demo plays or was kept, or where a Kafka of somebody's has its data; what else is
    /// left of a demo it clears away: its numbers would be counted as this one's. Unless it is to be kept, nothing runs there any more once
    /// this has gone.
    pub(super) fn take(dir: &Path, keep: bool) -> anyhow::Result<Place> {
        let name = dir.display();
        fs::create_dir_all(dir).with_context(|| format!("{name} cannot be made"))?;
        let was_a_demos = dir.join(LOCK).exists();
        ensure!(
            was_a_demos || !dir.join("kafka-data").exists(),
            "{name} holds the data of a `footfall dev`, which a demo would delete: name another directory with --dir"
        );
        let lock = File::create(dir.join(LOCK));
        let lock = lock.with_context(|| format!("{name} cannot be written"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "another demo plays in {name}: wait for its end, or name another directory with --dir"
                )
            }
            Err(TryLockError::Error(e)) => return Err(e).context("the demo's lock"),
        }
        let mut place = Place {
            dir: dir.to_owned(),
            leaves: false,
            _lock: lock,
        };
        place.write_stop()?;
        if Cluster::runs(dir) {
            bail!(
                "a demo was kept in {name}, or killed there: {}",
                place.how_to_stop()
            );
        }
        let cleared = Command::new("bash")
            .arg(place.stop())
            .stdout(Stdio::null())
            .status();
        let cleared = cleared.with_context(|| format!("{STOP} cannot be run"))?;
        ensure!(
            cleared.success(),
            "what is left of a demo in {name} cannot be cleared away"
        );
        place.leaves = !keep;
        Ok(place)
    }

    fn stop(&self) -> PathBuf {
        self.dir.join(STOP)
    }

    /// What stops the demo, deletes its data and can be run whatever became of it.
    pub(super) fn how_to_stop(&self) -> String {
        format!(
            "stop it with `bash {}`",
            quoted(&self.stop().display().to_string())
        )
    }

    /// Nothing is kept: stops Kafka, and deletes its data.
    pub(super) fn leave(mut self) -> anyhow::Result<()> {
        self.leaves = false;
        self.end()
    }

    fn end(&self) -> anyhow::Result<()> {
        Cluster::down(&self.dir)?;
        let _ = fs::remove_file(self.stop());
        Ok(())
    }

    /// Its stages are what writes its logs.
    fn write_stop(&self) -> anyhow::Result<()> {
        let program = std::env::current_exe().context("this program has no path")?;
        let dir = self.dir.canonicalize();
        let dir = dir.with_context(|| format!("{} is gone", self.dir.display()))?;
        let dir = dir.display().to_string();
        let logs = quoted(&format!("{}/demo-", literal(&dir)));
        let (program, dir) = (quoted(&program.display().to_string()), quoted(&dir));
        let lines = format!(
            "# Stops the stages of a demo, and then its Kafka, with all that it holds.\n\
             stages() {{\n  \
               find /proc/[0-9]*/fd/2 '(' -lname {logs}'day.*.log' -o -lname {logs}'live.*.log' ')' 2>/dev/null | cut -d/ -f3\n\
             }}\n\
             kill $(stages) 2>/dev/null\n\
             while [ -n \"$(stages)\" ] && [ $SECONDS -lt 30 ]; do sleep 0.2; done\n\
             kill -KILL $(stages) 2>/dev/null\n\
             exec {program} dev down --dir {dir} --delete\n"
        );
        fs::write(self.stop(), lines).with_context(|| format!("{STOP} cannot be written"))
    }
}

impl Drop for Place {
    /// Nothing is left running, whatever went wrong.
    fn drop(&mut self) {
        if self.leaves
            && let Err(error) = self.end()
        {
            footfall::say(format_args!("{error:#}: {}", self.how_to_stop()));
        }
    }
}

/// One word of a shell, where it is none already.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A pattern of `find` that only this text meets.
fn literal(text: &str) -> String {
    let mut pattern = String::new();
    for c in text.chars() {
        if r"*?[]\".contains(c) {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_and_a_pattern_of_itself() {
        assert_eq!(quoted("target/footfall-demo"), "target/footfall-demo");
        assert_eq!(quoted("a b"), "'a b'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(literal(r"/x/a[1]*?\"), r"/x/a\[1\]\*\?\\");
    }
}
