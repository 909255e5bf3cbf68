//! How sets of definitions lie on the topic `journey.definitions`, and how they are read back.
//!
//! One `apply` is one transaction: every new version under `kind/id/version`, the pointer `kind/id` to the version that is
//! current, and the set's [`Manifest`] under `set/<version>`. A set is complete when its manifest is there.

use std::{collections::BTreeMap, sync::Arc};

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

/// One apply, as records.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The set as a whole.
    pub manifest: Manifest,
    /// Key and JSON of every record to write, in order; the manifest last.
    pub records: Vec<(String, Vec<u8>)>,
}

/// What the topic holds: every set that was ever applied, in order of version.
#[derive(Clone, Debug, Default)]
pub struct Sets {
    members: BTreeMap<String, Definition>,
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
            2 => {}
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
        for definition in definitions {
            let stem = format!("{}/{}", definition.kind(), definition.id());
            let before = self
                .members
                .range(format!("{stem}/")..format!("{stem}0"))
                .map(|(_, d)| d);
            let newest = before.max_by_key(|d| d.version());
            let last = newest.map_or(0, Definition::version);
            let unchanged =
                newest.is_some_and(|known| *known == definition.clone().at_version(last));
            let definition = definition.at_version(if unchanged { last } else { last + 1 });
            let key = format!("{stem}/{}", definition.version());
            if !unchanged {
                let json = serde_json::to_vec(&definition).expect("a definition is plain data");
                let pointer = serde_json::json!({ "version": definition.version() }).to_string();
                records.push((key.clone(), json));
                records.push((stem, pointer.into_bytes()));
            }
            members.push(Text::from(key));
        }
        members.sort();
        let manifest = Manifest {
            version,
            effective_at,
            members,
        };
        let json = serde_json::to_vec(&manifest).expect("a manifest is plain data");
        records.push((format!("set/{version}"), json));
        Applied { manifest, records }
    }
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
            sets.take(key, Some(value)).expect("our own record");
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

    #[test]
    fn a_set_without_its_members_is_an_error() {
        let mut sets = Sets::default();
        let applied = sets.apply(vec![route_path("a", "q1")], Timestamp(5));
        let (key, value) = applied.records.last().expect("the manifest");
        sets.take(key, Some(value)).expect("valid");
        assert!(
            sets.in_order()
                .expect_err("incomplete")
                .to_string()
                .contains("routePath/a/1")
        );
    }
}
