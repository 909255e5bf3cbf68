//! Definitions as files: every `*.json` under a directory, each one definition or an array of them.

mod load_error;

use std::{
    fs,
    path::{Path, PathBuf},
};

use journey::definitions::{Definition, Mistake, strange_members, unknown_members, validate};
use serde_json::Value;

pub use self::load_error::LoadError;

/// What is found in files of definitions.
#[derive(Debug, Default)]
pub struct Checked {
    /// Those that can be read.
    pub definitions: Vec<Definition>,
    /// Every mistake: what cannot be read, members that no definition has, and what [`validate`] finds. That is asked only where
    /// all can be read, as references must meet.
    pub mistakes: Vec<Mistake>,
    /// Members that may be part of an export, or misspelt: [`strange_members`].
    pub strange: Vec<Mistake>,
}

/// All definitions of a file, or of every `*.json` under a directory in the order of paths. Tests beside definitions
/// (`*.test.json`) and hidden files are left out.
pub fn load(path: &Path) -> Result<Vec<Definition>, LoadError> {
    let read = each(path)?.into_iter();
    read.map(|read| Ok(read?.1)).collect()
}

/// The same, with all that is wrong with them.
pub fn check(path: &Path) -> Checked {
    let mut checked = Checked::default();
    let read = match each(path) {
        Ok(read) => read,
        Err(error) => {
            checked.mistakes.push(unreadable(error));
            return checked;
        }
    };
    let mut found = Vec::new();
    for read in read {
        match read {
            Ok((json, definition)) => {
                found.extend(unknown_members(&json, &definition));
                checked.strange.extend(strange_members(&json, &definition));
                checked.definitions.push(definition);
            }
            Err(error) => checked.mistakes.push(unreadable(error)),
        }
    }
    if checked.mistakes.is_empty() {
        found.extend(validate(&checked.definitions));
    }
    checked.mistakes.extend(found);
    checked
}

/// All definitions, if there is no mistake in them.
pub fn valid(path: &Path) -> anyhow::Result<Vec<Definition>> {
    let Checked {
        definitions,
        mistakes,
        ..
    } = check(path);
    let lines: Vec<_> = mistakes.iter().map(Mistake::to_string).collect();
    anyhow::ensure!(
        lines.is_empty(),
        "the definitions have mistakes:\n{}",
        lines.join("\n")
    );
    Ok(definitions)
}

fn unreadable(error: LoadError) -> Mistake {
    match error {
        LoadError::Parse {
            path,
            element,
            source,
        } => {
            let element = element.map_or(String::new(), |at| format!("[{at}]"));
            Mistake {
                path: format!("{}{element}", path.display()),
                what: format!("is not a definition: {source}"),
            }
        }
        LoadError::Read { path, source } => Mistake {
            path: path.display().to_string(),
            what: format!("cannot be read: {source}"),
        },
        LoadError::Empty { .. } => Mistake {
            path: String::from("definitions"),
            what: error.to_string(),
        },
    }
}

/// One definition and the JSON that says it, or why there is none.
type Read = Result<(Value, Definition), LoadError>;

fn each(path: &Path) -> Result<Vec<Read>, LoadError> {
    let mut files = Vec::new();
    let read = |source| LoadError::Read {
        path: path.to_owned(),
        source,
    };
    if fs::metadata(path).map_err(read)?.is_dir() {
        collect(path, &mut files)?;
        if files.is_empty() {
            return Err(LoadError::Empty {
                path: path.to_owned(),
            });
        }
    } else {
        files.push(path.to_owned());
    }
    files.sort();
    Ok(files.iter().flat_map(|file| parse(file)).collect())
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<(), LoadError> {
    let read = |source| LoadError::Read {
        path: directory.to_owned(),
        source,
    };
    for entry in fs::read_dir(directory).map_err(read)? {
        let path = entry.map_err(read)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') {
            continue;
        }
        if path.is_dir() {
            collect(&path, files)?;
        } else if name.ends_with(".json") && !name.ends_with(".test.json") {
            files.push(path);
        }
    }
    Ok(())
}

/// What a file holds: one definition, or an array of them.
fn parse(file: &Path) -> Vec<Read> {
    let wrong = |element, source| LoadError::Parse {
        path: file.to_owned(),
        element,
        source,
    };
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(source) => {
            let path = file.to_owned();
            return vec![Err(LoadError::Read { path, source })];
        }
    };
    let definition = |element, json: Value| {
        let definition = serde_json::from_value(json.clone());
        Ok((json, definition.map_err(|source| wrong(element, source))?))
    };
    // Some editors begin a file with a byte order mark.
    let text = text.trim_start_matches('\u{feff}');
    // A member that stands there twice is seen in the text alone.
    let (read, in_text) = match serde_json::from_str(text) {
        Err(source) => return vec![Err(wrong(None, source))],
        Ok(Value::Array(elements)) => {
            let elements = elements.into_iter().enumerate();
            let read: Vec<_> = elements
                .map(|(at, element)| definition(Some(at), element))
                .collect();
            (read, serde_json::from_str::<Vec<Definition>>(text).err())
        }
        Ok(json) => (
            vec![definition(None, json)],
            serde_json::from_str::<Definition>(text).err(),
        ),
    };
    let twice = in_text.filter(|_| read.iter().all(Result::is_ok));
    let twice = twice.map(|source| Err(wrong(None, source)));
    read.into_iter().chain(twice).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn demo() -> Vec<Definition> {
        load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("definitions"))
            .expect("the demo's definitions load")
    }

    /// A directory of its own under the system's, gone when dropped.
    struct Scratch(PathBuf);

    impl Scratch {
        fn new(name: &str) -> Scratch {
            let path = std::env::temp_dir().join(format!("footfall-{name}-{}", std::process::id()));
            fs::create_dir_all(path.join("deeper")).expect("a directory can be made");
            Scratch(path)
        }

        fn write(&self, name: &str, text: &str) {
            fs::write(self.0.join(name), text).expect("a file can be written");
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            // What is left behind is the system's to clean.
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn the_demo_has_every_kind_and_no_mistake() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("definitions");
        let Checked {
            definitions,
            mistakes,
            ..
        } = check(&folder);
        assert_eq!(mistakes, []);
        let mut kinds = BTreeMap::new();
        for definition in &definitions {
            *kinds.entry(definition.kind()).or_insert(0) += 1;
        }
        let expected = [
            ("actionMap", 2),
            ("deployment", 3),
            ("outcome", 1),
            ("pageClass", 3),
            ("routePath", 2),
            ("segment", 5),
        ];
        assert_eq!(kinds, BTreeMap::from(expected));
    }

    #[test]
    fn the_demo_refers_only_to_what_it_defines() {
        let definitions = demo();
        let has =
            |kind: &str, id: &str| definitions.iter().any(|d| d.kind() == kind && d.id() == id);
        for definition in &definitions {
            if let Definition::ActionMap(map) = definition {
                assert!(
                    map.trigger_with_segments
                        .iter()
                        .all(|segment| has("segment", segment)),
                    "{}",
                    map.id
                );
                assert!(
                    has("routePath", map.route_path_id().expect("a route path")),
                    "{}",
                    map.id
                );
            }
        }
    }

    #[test]
    fn the_demo_knows_the_sites_of_the_shop() {
        let definitions = demo();
        for site in crate::shop::Site::demo() {
            let known = definitions.iter().find_map(|definition| match definition {
                Definition::Deployment(d) if d.id == site.deployment_id => Some(d),
                _ => None,
            });
            let deployment = known.expect("each site has its deployment");
            assert_eq!(deployment.consent.mode, site.consent);
            assert!(
                ![&deployment.owner, &deployment.purpose, &deployment.contact]
                    .iter()
                    .any(|text| text.is_empty())
            );
        }
    }

    #[test]
    fn files_are_read_in_the_order_of_their_paths_and_tests_are_left_out() {
        let scratch = Scratch::new("order");
        scratch.write("b.json", r#"{"kind": "routePath", "id": "second"}"#);
        scratch.write("a.json", r#"[{"kind": "routePath", "id": "first"}]"#);
        scratch.write("deeper/a.json", r#"{"kind": "routePath", "id": "third"}"#);
        scratch.write("b.test.json", "not even JSON");
        scratch.write("readme.md", "neither");
        let ids: Vec<String> = load(&scratch.0)
            .expect("loads")
            .iter()
            .map(|d| d.id().to_owned())
            .collect();
        assert_eq!(ids, ["first", "second", "third"]);
    }

    #[test]
    fn a_mistake_names_its_file_its_element_and_what_serde_says() {
        let scratch = Scratch::new("mistake");
        scratch.write(
            "bad.json",
            r#"[{"kind": "routePath", "id": "a"}, {"kind": "segment", "id": "b"}]"#,
        );
        let error = load(&scratch.0).expect_err("no displayName");
        let text = format!("{:#}", anyhow::Error::from(error));
        assert!(
            text.contains("bad.json: [1] is not a definition: missing field `displayName`"),
            "{text}"
        );
    }

    #[test]
    fn every_mistake_of_every_file_is_told_and_what_is_misspelt_is_one() {
        let scratch = Scratch::new("misspelt");
        scratch.write(
            "a.json",
            r#"{"kind": "deployment", "id": "shop", "owner": "o", "purpose": "p", "contact": "c", "visitTimeoutMinuts": 5, "$schema": "./deployment.json",
                "consent": {"mode": "required", "purpose": [], "purposes": {"personalization": ["ads"]}},
                "traitsMapper": [{"fieldName": "a", "typ": "email"}]}"#,
        );
        scratch.write("b.json", r#"{"kind": "pageClass", "id": "c", "pattern": "*", "patterns": ["*"], "class": "block"}"#);
        scratch.write(
            "c.json",
            r#"[{"kind": "segment", "id": "s", "displayName": "S", "selfUri": "/s", "journey": {"patterns": [
                {"criteria": [{"key": "eventName", "values": ["a"], "operator": "equal"}], "count": 1}]}}]"#,
        );
        let paths = |mistakes: Vec<Mistake>| -> Vec<String> {
            mistakes.into_iter().map(|mistake| mistake.path).collect()
        };
        assert_eq!(
            paths(check(&scratch.0).mistakes),
            [
                "deployment/shop.consent.purpose",
                "deployment/shop.traitsMapper[0].typ",
                "deployment/shop.visitTimeoutMinuts",
                "pageClass/c.pattern"
            ],
            "what Genesys adds to a segment is none"
        );
        scratch.write("d.json", "{");
        scratch.write("e.json", r#"{"kind": "routePath", "id": "r", "id": "s"}"#);
        scratch.write(
            "f.json",
            r#"[{"kind": "routePath", "id": "r", "queueId": "q", "queueId": "p"}]"#,
        );
        let told = paths(check(&scratch.0).mistakes);
        let unread: Vec<_> = told[..3]
            .iter()
            .map(|path| &path[path.len() - 6..])
            .collect();
        assert_eq!(unread, ["d.json", "e.json", "f.json"]);
        assert_eq!(told.len(), 7);
    }

    #[test]
    fn a_directory_without_definitions_is_an_error() {
        let scratch = Scratch::new("empty");
        assert!(matches!(load(&scratch.0), Err(LoadError::Empty { .. })));
        assert!(matches!(
            load(&scratch.0.join("nowhere")),
            Err(LoadError::Read { .. })
        ));
    }
}
