//! The set that an apply makes, beside the newest: what of it is new, changed, removed, and from when on it is in force.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;
use journey::{
    Millis, Timestamp,
    definitions::{Applied, Definition, Sets},
};
use serde_json::{Value, json};

use super::Effective;

/// How long before it takes effect a later set is written, unless told otherwise: every running instance has read it by then, and
/// all tasks switch at the same time of the data.
const LEAD: Millis = Millis(10_000);
/// What those who applied a later set wonder about.
const SWITCH: &str = "running stages follow: each task switches at its first mark from then on, none needs a restart";

/// The next set, beside the newest.
pub(super) struct Next {
    pub(super) applied: Applied,
    new: Vec<String>,
    changed: Vec<String>,
    removed: Vec<String>,
    unchanged: usize,
    /// Whether somebody said from when on it is to be in force.
    asked: bool,
    newest: Option<Newest>,
}

/// The newest set by now.
#[derive(Clone, Copy)]
struct Newest {
    effective_at: Timestamp,
    /// Whether it is still to come into force.
    comes: bool,
}

impl Effective {
    fn at(self, now: Timestamp) -> Timestamp {
        match self {
            Effective::Beginning => Timestamp::MIN,
            Effective::Now => now,
            Effective::At(at) => at,
        }
    }
}

impl Next {
    pub(super) fn new(
        sets: &Sets,
        definitions: Vec<Definition>,
        effective_at: Option<Effective>,
        now: Timestamp,
    ) -> anyhow::Result<Next> {
        let newest = sets.in_order()?.pop().filter(|set| set.version > 0);
        let newest = newest.map(|set| Newest {
            effective_at: set.effective_at,
            comes: set.effective_at > now,
        });
        let by_default = newest.map_or(Timestamp::MIN, |_| now + LEAD);
        let at = effective_at.map_or(by_default, |effective_at| effective_at.at(now));
        let next = Next::beside(
            sets,
            sets.apply(definitions, at),
            effective_at.is_some(),
            newest,
        );
        if let Some(newest) = newest.filter(|newest| next.moves() && newest.effective_at < at) {
            bail!(
                "the same definitions come into force at {}, and a later set does not hold them back: apply those that are in force \
                 until then, and after that these with --effective-at {at}",
                newest.effective_at
            );
        }
        Ok(next)
    }

    fn beside(sets: &Sets, applied: Applied, asked: bool, newest: Option<Newest>) -> Next {
        let stem = |key: &str| {
            key.rsplit_once('/')
                .map_or(key, |(stem, _)| stem)
                .to_owned()
        };
        let before: BTreeMap<String, i64> = sets
            .current()
            .into_iter()
            .map(|d| (format!("{}/{}", d.kind(), d.id()), d.version()))
            .collect();
        let members = || applied.manifest.members.iter().map(|key| key.to_string());
        let after: BTreeSet<String> = members().map(|key| stem(&key)).collect();
        let was = |key: &String| before.get(&stem(key)).map(|v| format!("{}/{v}", stem(key)));
        let new: Vec<String> = members().filter(|key| was(key).is_none()).collect();
        let changed: Vec<String> = members()
            .filter(|key| was(key).is_some_and(|was| was != *key))
            .collect();
        let removed = before.keys().filter(|stem| !after.contains(*stem));
        Next {
            removed: removed.cloned().collect(),
            unchanged: applied.manifest.members.len() - new.len() - changed.len(),
            new,
            changed,
            applied,
            asked,
            newest,
        }
    }

    /// Whether it is to be written: it says something else than the newest, or the same at another time.
    pub(super) fn changes(&self) -> bool {
        !self.says_the_same() || self.moves()
    }

    fn says_the_same(&self) -> bool {
        self.new.is_empty() && self.changed.is_empty() && self.removed.is_empty()
    }

    /// Whether it says the same as a set that is still to come into force, at another time that was asked for.
    fn moves(&self) -> bool {
        let at = self.applied.manifest.effective_at;
        let moves = |newest: Newest| newest.comes && newest.effective_at != at;
        self.asked && self.says_the_same() && self.newest.is_some_and(moves)
    }

    /// What there is to know where nothing is written.
    fn nothing_changed(&self) -> String {
        let count = self.unchanged;
        let nothing =
            format!("nothing changed: {count} definitions are as they were, nothing is written");
        match self.newest {
            Some(newest) if newest.comes => {
                format!("{nothing}; they come into force at {}", newest.effective_at)
            }
            Some(newest) if self.asked => format!(
                "{nothing}; they are in force {}, and --effective-at moves only what is not in force yet",
                match newest.effective_at {
                    Timestamp::MIN => "from the beginning".to_owned(),
                    at => format!("since {at}"),
                }
            ),
            _ => nothing,
        }
    }

    /// `1 new, 2 changed, effective 2026-11-23T14:05:00.000Z`.
    pub(super) fn text(&self, dry_run: bool) -> String {
        if !self.changes() {
            return self.nothing_changed();
        }
        let mut lines = Vec::new();
        for (sign, keys) in [('+', &self.new), ('~', &self.changed), ('-', &self.removed)] {
            lines.extend(keys.iter().map(|key| format!("{sign} {key}")));
        }
        let mut parts = Vec::new();
        for (count, what) in [
            (self.new.len(), "new"),
            (self.changed.len(), "changed"),
            (self.removed.len(), "removed"),
            (self.unchanged, "unchanged"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {what}"));
            }
        }
        let manifest = &self.applied.manifest;
        parts.push(match manifest.effective_at {
            Timestamp::MIN => "effective from the beginning".to_owned(),
            at => format!("effective {at}"),
        });
        if let Some(newest) = self.newest.filter(|_| self.moves()) {
            parts.push(format!("not at {}", newest.effective_at));
        }
        let set = if dry_run {
            format!("set {} is not written (dry run)", manifest.version)
        } else {
            format!("set {}", manifest.version)
        };
        lines.push(format!("{} · {set}", parts.join(", ")));
        if !dry_run && manifest.version > 1 {
            lines.push(SWITCH.to_owned());
        }
        lines.join("\n")
    }

    pub(super) fn value(&self, dry_run: bool) -> Value {
        let manifest = &self.applied.manifest;
        let newest = self.newest.filter(|_| !self.changes());
        let at = newest.map_or(manifest.effective_at, |newest| newest.effective_at);
        let at = Some(at).filter(|at| *at != Timestamp::MIN);
        json!({
            "new": self.new, "changed": self.changed, "removed": self.removed, "unchanged": self.unchanged,
            "set": self.changes().then_some(manifest.version),
            "effectiveAt": at.map_or("beginning".to_owned(), |at| at.to_string()),
            "written": self.changes() && !dry_run,
        })
    }
}

#[cfg(test)]
mod tests {
    use journey::definitions::RoutePath;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const HOUR: Millis = Millis::from_mins(60);

    fn route_path(id: &str, queue: &str) -> Definition {
        Definition::RoutePath(RoutePath {
            id: id.into(),
            queue_id: queue.into(),
            ..RoutePath::default()
        })
    }

    fn take(sets: &mut Sets, next: &Next) {
        for (key, value) in &next.applied.records {
            sets.take(key, value.as_deref()).expect("our own record");
        }
    }

    #[test]
    fn the_first_set_acts_from_the_beginning_and_later_ones_once_all_have_read_them() {
        let mut sets = Sets::default();
        let first = Next::new(&sets, vec![route_path("a", "q")], None, NOW).expect("valid");
        assert_eq!(first.applied.manifest.effective_at, Timestamp::MIN);
        take(&mut sets, &first);
        let second = Next::new(&sets, vec![route_path("a", "r")], None, NOW).expect("valid");
        assert_eq!(second.applied.manifest.effective_at, NOW + LEAD);
        let then = Some(Effective::Beginning);
        let third = Next::new(&sets, vec![route_path("a", "s")], then, NOW).expect("valid");
        assert_eq!(third.applied.manifest.effective_at, Timestamp::MIN);
    }

    #[test]
    fn what_is_new_changed_removed_and_unchanged_is_counted() {
        let mut sets = Sets::default();
        let all = |ids: &[(&str, &str)]| ids.iter().map(|(id, q)| route_path(id, q)).collect();
        let first = all(&[("a", "1"), ("b", "1"), ("c", "1")]);
        let first = Next::new(&sets, first, None, NOW).expect("valid");
        take(&mut sets, &first);
        let second = all(&[("a", "1"), ("b", "2"), ("d", "1")]);
        let next = Next::new(&sets, second, None, NOW).expect("valid");
        assert_eq!(next.new, ["routePath/d/1"]);
        assert_eq!(next.changed, ["routePath/b/2"]);
        assert_eq!(next.removed, ["routePath/c"]);
        let text = next.text(false);
        let summary =
            "1 new, 1 changed, 1 removed, 1 unchanged, effective 2027-01-15T08:00:10.000Z · set 2";
        assert!(text.contains(summary), "{text}");
    }

    #[test]
    fn whoever_applies_a_later_set_is_told_that_running_stages_follow() {
        let mut sets = Sets::default();
        let next = |sets: &Sets, queue| Next::new(sets, vec![route_path("a", queue)], None, NOW);
        let first = next(&sets, "q").expect("valid");
        take(&mut sets, &first);
        let second = next(&sets, "r").expect("valid");
        let follows = |text: String| text.ends_with("none needs a restart");
        assert!(!follows(first.text(false)) && !follows(second.text(true)));
        assert!(follows(second.text(false)), "{}", second.text(false));
    }

    #[test]
    fn the_same_again_changes_nothing() {
        let mut sets = Sets::default();
        let first = Next::new(&sets, vec![route_path("a", "q")], None, NOW).expect("valid");
        assert!(first.changes());
        take(&mut sets, &first);
        let again = Next::new(&sets, vec![route_path("a", "q")], None, NOW).expect("valid");
        assert!(!again.changes());
        assert!(
            again
                .text(false)
                .starts_with("nothing changed: 1 definitions")
        );
    }

    /// Sets of which the newest comes into force in an hour, and what becomes of the same definitions at another time.
    fn again(effective_at: Option<Effective>, now: Timestamp) -> anyhow::Result<Next> {
        let mut sets = Sets::default();
        let first = Next::new(&sets, vec![route_path("a", "q")], None, NOW)?;
        take(&mut sets, &first);
        let second = Some(Effective::At(NOW + HOUR));
        let second = Next::new(&sets, vec![route_path("a", "r")], second, NOW)?;
        take(&mut sets, &second);
        Next::new(&sets, vec![route_path("a", "r")], effective_at, now)
    }

    #[test]
    fn what_is_not_in_force_yet_is_moved_to_where_it_is_wanted() {
        let moved = again(Some(Effective::Now), NOW).expect("valid");
        assert!(moved.changes());
        assert_eq!(moved.applied.manifest.effective_at, NOW);
        assert_eq!(moved.applied.records.len(), 1, "a set of the same members");
        let text = moved.text(false);
        let summary = "1 unchanged, effective 2027-01-15T08:00:00.000Z, not at 2027-01-15T09:00:00.000Z · set 3";
        assert!(text.starts_with(summary), "{text}");
        let later = again(Some(Effective::At(NOW + HOUR + HOUR)), NOW).err();
        let later = later
            .expect("nothing holds back what comes before")
            .to_string();
        assert!(
            later.contains("apply those that are in force until then"),
            "{later}"
        );
    }

    #[test]
    fn what_is_in_force_or_comes_when_it_is_wanted_is_not_moved() {
        #[track_caller]
        fn check(effective_at: Option<Effective>, now: Timestamp, says: &str) {
            let next = again(effective_at, now).expect("valid");
            assert!(!next.changes());
            let text = next.text(false);
            assert!(
                text.starts_with("nothing changed: ") && text.ends_with(says),
                "{text}"
            );
            assert_eq!(next.value(false)["effectiveAt"], "2027-01-15T09:00:00.000Z");
        }
        let comes = "come into force at 2027-01-15T09:00:00.000Z";
        check(None, NOW, comes);
        check(Some(Effective::At(NOW + HOUR)), NOW, comes);
        let (after, moves) = (NOW + HOUR, "moves only what is not in force yet");
        check(Some(Effective::Beginning), after, moves);
        check(Some(Effective::Now), after, moves);
        check(None, after, "nothing is written");
    }
}
