//! The options of the README are those that `--help` prints.

use std::{collections::BTreeSet, fmt::Write as _};

use crate::{help, read};

/// An option: its name, its variable, its default.
type Choice = (String, String, String);

/// What stands between `[name: ` and `]`.
fn bracketed(text: &str, name: &str) -> Option<String> {
    let start = text.find(&format!("[{name}: "))? + name.len() + 3;
    text[start..].split(']').next().map(str::to_owned)
}

/// The options that `--help` prints, in its short form and its long one.
fn choices(program: &str) -> BTreeSet<Choice> {
    let text = help(program);
    let mut options: Vec<String> = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with('-')
            && line.contains("--")
            && !line.trim_start().starts_with("- ")
        {
            options.push(String::new());
        }
        if let Some(option) = options.last_mut() {
            option.push_str(line.trim());
            option.push(' ');
        }
    }
    let choice = |option: &String| {
        let name = option
            .split_whitespace()
            .find(|word| word.starts_with("--"))?
            .to_owned();
        let variable = bracketed(option, "env")?.trim_end_matches('=').to_owned();
        Some((
            name,
            variable,
            bracketed(option, "default").unwrap_or_default(),
        ))
    };
    options.iter().filter_map(choice).collect()
}

/// The tables of the section "Configure", in order.
fn tables(readme: &str) -> Vec<BTreeSet<Choice>> {
    let section = readme
        .split("\n## Configure\n")
        .nth(1)
        .expect("the section")
        .split("\n## ")
        .next()
        .expect("one");
    let mut tables = vec![];
    for line in section.lines() {
        if line.starts_with("| option ") {
            tables.push(BTreeSet::new());
        }
        let cells: Vec<&str> = line
            .split('|')
            .map(|cell| cell.trim().trim_matches('`'))
            .collect();
        if let ([_, option, variable, default, ..], Some(table)) =
            (cells.as_slice(), tables.last_mut())
            && option.starts_with("--")
            && variable.starts_with("FOOTFALL_")
        {
            table.insert((
                (*option).to_owned(),
                (*variable).to_owned(),
                (*default).to_owned(),
            ));
        }
    }
    tables
}

#[track_caller]
fn assert_same(program: &str, written: &BTreeSet<Choice>, printed: &BTreeSet<Choice>) {
    let mut wrong = String::new();
    for (name, variable, default) in printed.difference(written) {
        let default = if default.is_empty() {
            String::new()
        } else {
            format!("`{default}` ")
        };
        let _ = writeln!(wrong, "missing: | `{name}` | `{variable}` | {default}| … |");
    }
    for (name, ..) in written.difference(printed) {
        let _ = writeln!(wrong, "not so: {name}");
    }
    assert!(
        wrong.is_empty(),
        "README.md and `{program} --help` differ:\n{wrong}"
    );
}

#[test]
fn the_options_in_the_readme_are_those_of_help() {
    let tables = tables(&read("README.md"));
    let [shared, of_ingest, of_writers, of_staffing] = tables.as_slice() else {
        panic!("four tables, not {}", tables.len())
    };
    assert!(
        shared.len() >= 13 && of_ingest.len() >= 14,
        "the rows are found"
    );
    let with = |more: &[&BTreeSet<Choice>]| -> BTreeSet<Choice> {
        shared
            .iter()
            .chain(more.iter().copied().flatten())
            .cloned()
            .collect()
    };
    assert_same("ingest", &with(&[of_ingest]), &choices("ingest"));
    assert_same("sessionizer", shared, &choices("sessionizer"));
    assert_same("segmenter", &with(&[of_writers]), &choices("segmenter"));
    let of_both = with(&[of_writers, of_staffing]);
    assert_same("staffing", &of_both, &choices("staffing"));
}
