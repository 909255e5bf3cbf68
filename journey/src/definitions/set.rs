//! How sets of definitions lie on the topic `journey.definitions`, and how they are read back.
//!
//! One `apply` is one transaction: every new version under `kind/id/version`, the pointer `kind/id` to the version that is
//! current (no value: none is), and the set's [`Manifest`] under `set/<version>`. A set is complete when its manifest is
//! there. The pointers are for others who read the topic; here the manifests say what is in force.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};

use super::{Definition, DefinitionSet};
use crate::{Text, Timestamp};

/// What a set consists of: the record `set/<version>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Rises with every apply.
    pub version: i64,
    /// A task switches at the first mark at or after this.
    pub effective_at: Timestamp,
    /// The keys `kind/id/version` of its members, in order.
    pub members: Vec<Text>,
}

/// Where a pointer points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Pointer {
    version: i64,
}

/// One apply, as records.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The set as a whole.
    pub manifest: Manifest,
    /// Key and JSON of every record to write, in order; the manifest last. A pointer without a value: nothing is current.
    pub records: Vec<(String, Option<Vec<u8>>)>,
}

/// What the topic holds: every set that was ever applied, in order of version.
#[derive(Clone, Debug, Default)]
pub struct Sets {
    members: BTreeMap<String, Definition>,
    /// By `kind/id`; `None` where somebody wrote what cannot be read.
    pointers: BTreeMap<String, Option<Pointer>>,
    manifests: BTreeMap<i64, Manifest>,
}

/// A record of `journey.definitions` that no apply of ours wrote.
#[derive(Debug, thiserror::Error)]
#[error(
    "definition record {key:?} is not valid: {why}; write definitions with `footfall definitions apply` only"
)]
pub struct SetError {
    /// The record's key.
    pub key: String,
    /// What is wrong with it.
    pub why: String,
}

impl Sets {
    /// Takes one record of the topic in. A null value takes a record away.
    pub fn take(&mut self, key: &str, value: Option<&[u8]>) -> Result<(), SetError> {
        let wrong = |why: String| SetError {
            key: key.to_owned(),
            why,
        };
        let Some(value) = value else {
            self.members.remove(key);
            self.pointers.remove(key);
            return Ok(());
        };
        match key.split('/').count() {
            2 if key.starts_with("set/") => {
                let manifest: Manifest =
                    serde_json::from_slice(value).map_err(|e| wrong(e.to_string()))?;
                self.manifests.insert(manifest.version, manifest);
            }
            3 => {
                let definition: Definition =
                    serde_json::from_slice(value).map_err(|e| wrong(e.to_string()))?;
                self.members.insert(key.to_owned(), definition);
            }
            2 => {
                let pointer = serde_json::from_slice(value).ok();
                self.pointers.insert(key.to_owned(), pointer);
            }
            _ => {
                return Err(wrong(
                    "a key is kind/id/version, kind/id or set/version".to_owned(),
                ));
            }
        }
        Ok(())
    }

    /// Every complete set, in the order in which they take effect; the empty set, in force from the beginning, first.
    pub fn in_order(&self) -> Result<Vec<Arc<DefinitionSet>>, SetError> {
        let mut sets = vec![Arc::new(DefinitionSet {
            effective_at: Timestamp::MIN,
            ..DefinitionSet::default()
        })];
        for manifest in self.manifests.values() {
            let mut members = Vec::with_capacity(manifest.members.len());
            for key in &manifest.members {
                let definition = self.members.get(key.as_str()).ok_or_else(|| SetError {
                    key: format!("set/{}", manifest.version),
                    why: format!("its member {key} is not on the topic"),
                })?;
                members.push(definition.clone());
            }
            sets.push(Arc::new(DefinitionSet::new(
                manifest.version,
                manifest.effective_at,
                members,
            )));
        }
        Ok(sets)
    }

    /// The definitions of the newest set.
    pub fn current(&self) -> Vec<&Definition> {
        let newest = self.manifests.values().next_back();
        newest
            .map(|m| {
                m.members
                    .iter()
                    .filter_map(|key| self.members.get(key.as_str()))
                    .collect()
            })
            .unwrap_or_default()
    }

    /// The records that make `definitions` the next set: what is unchanged keeps its version.
    pub fn apply(&self, definitions: Vec<Definition>, effective_at: Timestamp) -> Applied {
        let version = self.manifests.keys().next_back().copied().unwrap_or(0) + 1;
        let mut records = Vec::new();
        let mut members = Vec::new();
        let mut in_force = BTreeSet::new();
        for definition in definitions {
            let stem = format!("{}/{}", definition.kind(), definition.id());
            let (definition, unchanged) = self.at_its_version(&stem, definition);
            let pointer = Pointer {
                version: definition.version(),
            };
            let key = format!("{stem}/{}", pointer.version);
            if !unchanged {
                records.push((key.clone(), Some(json(&definition))));
            }
            if self.pointers.get(&stem) != Some(&Some(pointer)) {
                records.push((stem.clone(), Some(json(&pointer))));
            }
            members.push(Text::from(key));
            in_force.insert(stem);
        }
        let removed = self.pointers.keys();
        let removed = removed.filter(|stem| !in_force.contains(*stem));
        records.extend(removed.map(|stem| (stem.clone(), None)));
        members.sort();
        let manifest = Manifest {
            version,
            effective_at,
            members,
        };
        records.push((format!("set/{version}"), Some(json(&manifest))));
        Applied { manifest, records }
    }

    /// A definition under the version that it gets, and whether that is on the topic already.
    fn at_its_version(&self, stem: &str, definition: Definition) -> (Definition, bool) {
        let before = self.members.range(format!("{stem}/")..format!("{stem}0"));
        let newest = before.map(|(_, d)| d).max_by_key(|d| d.version());
        let last = newest.map_or(0, Definition::version);
        let definition = definition.at_version(last);
        match newest {
            Some(known) if *known == definition => (definition, true),
            _ => (definition.at_version(last + 1), false),
        }
    }
}

/// As it stands on the topic.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("it is plain data")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::RoutePath;

    fn route_path(id: &str, queue: &str) -> Definition {
        Definition::RoutePath(RoutePath {
            id: id.into(),
            queue_id: queue.into(),
            ..RoutePath::default()
        })
    }

    fn take(sets: &mut Sets, applied: &Applied) {
        for (key, value) in &applied.records {
            sets.take(key, value.as_deref()).expect("our own record");
        }
    }

    #[test]
    fn an_unchanged_definition_keeps_its_version() {
        let mut sets = Sets::default();
        let first = sets.apply(
            vec![route_path("a", "q1"), route_path("b", "q2")],
            Timestamp(5),
        );
        take(&mut sets, &first);
        let second = sets.apply(
            vec![route_path("a", "q1"), route_path("b", "q3")],
            Timestamp(9),
        );
        take(&mut sets, &second);
        assert_eq!(
            second.manifest.members,
            ["routePath/a/1", "routePath/b/2"].map(Text::from)
        );
        let in_order = sets.in_order().expect("complete");
        assert_eq!(
            in_order.iter().map(|s| s.version).collect::<Vec<_>>(),
            [0, 1, 2]
        );
        assert_eq!(in_order[2].route_paths["b"].queue_id, "q3");
        assert_eq!(in_order[1].route_paths["b"].queue_id, "q2");
    }

    /// What stands under each pointer of the topic, compacted.
    fn pointers(log: &[&Applied]) -> BTreeMap<String, String> {
        let mut left = BTreeMap::new();
        for (key, value) in log.iter().flat_map(|applied| &applied.records) {
            match value {
                Some(json) => left.insert(key.clone(), String::from_utf8_lossy(json).into_owned()),
                None => left.remove(key),
            };
        }
        left.retain(|key, _| key.split('/').count() == 2 && !key.starts_with("set/"));
        left
    }

    #[test]
    fn a_pointer_goes_with_its_definition_and_comes_back_with_it() {
        let mut sets = Sets::default();
        let (a, b) = (route_path("a", "q1"), route_path("b", "q2"));
        let both = sets.apply(vec![a.clone(), b.clone()], Timestamp(5));
        take(&mut sets, &both);
        let one = sets.apply(vec![a.clone()], Timestamp(6));
        assert_eq!(one.records[0], ("routePath/b".to_owned(), None));
        take(&mut sets, &one);
        let version_1 = r#"{"version":1}"#.to_owned();
        let left = pointers(&[&both, &one]);
        assert_eq!(left, [("routePath/a".to_owned(), version_1.clone())].into());
        let still = sets.apply(vec![a.clone()], Timestamp(7));
        assert_eq!(still.records.len(), 1, "a tombstone is written once");
        take(&mut sets, &still);
        let back = sets.apply(vec![a, b], Timestamp(8));
        assert_eq!(back.records.len(), 2, "the version stands on the topic");
        take(&mut sets, &back);
        let left = pointers(&[&both, &one, &still, &back]);
        assert_eq!(left["routePath/b"], version_1);
        assert_eq!(sets.in_order().expect("complete").len(), 5);
        assert_eq!(sets.current().len(), 2);
    }

    #[test]
    fn a_pointer_that_points_elsewhere_is_put_right() {
        let mut sets = Sets::default();
        let first = sets.apply(vec![route_path("a", "q1")], Timestamp(5));
        take(&mut sets, &first);
        for wrong in [&br#"{"version":7}"#[..], b"no JSON"] {
            sets.take("routePath/a", Some(wrong)).expect("valid");
            let next = sets.apply(vec![route_path("a", "q1")], Timestamp(6));
            assert_eq!(next.records[0], first.records[1]);
        }
    }

    #[test]
    fn a_set_without_its_members_is_an_error() {
        let mut sets = Sets::default();
        let applied = sets.apply(vec![route_path("a", "q1")], Timestamp(5));
        let (key, value) = applied.records.last().expect("the manifest");
        sets.take(key, value.as_deref()).expect("valid");
        assert!(
            sets.in_order()
                .expect_err("incomplete")
                .to_string()
                .contains("routePath/a/1")
        );
    }
}
