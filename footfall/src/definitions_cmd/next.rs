//! The set that an apply makes, beside the newest: what of it is new, changed, removed, and from when on it is in force.

use std::collections::{BTreeMap, BTreeSet};

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
}

impl Next {
    pub(super) fn new(
        sets: &Sets,
        definitions: Vec<Definition>,
        effective_at: Option<Effective>,
        now: Timestamp,
    ) -> anyhow::Result<Next> {
        let is_first = sets.in_order()?.last().is_none_or(|set| set.version == 0);
        let effective_at = effective_at.unwrap_or(if is_first {
            Effective::Beginning
        } else {
            Effective::At(now + LEAD)
        });
        let effective_at = match effective_at {
            Effective::Beginning => Timestamp::MIN,
            Effective::Now => now,
            Effective::At(at) => at,
        };
        let applied = sets.apply(definitions, effective_at);
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
        Ok(Next {
            removed: removed.cloned().collect(),
            unchanged: applied.manifest.members.len() - new.len() - changed.len(),
            new,
            changed,
            applied,
        })
    }

    pub(super) fn changes(&self) -> bool {
        !(self.new.is_empty() && self.changed.is_empty() && self.removed.is_empty())
    }

    /// `1 new, 2 changed, effective 2026-11-23T14:05:00.000Z`.
    pub(super) fn text(&self, dry_run: bool) -> String {
        if !self.changes() {
            return format!(
                "nothing changed: {} definitions are as they were, nothing is written",
                self.unchanged
            );
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
        let at = Some(manifest.effective_at).filter(|at| *at != Timestamp::MIN);
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
}
