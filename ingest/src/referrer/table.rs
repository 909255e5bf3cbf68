//! What is known of hosts: who searches, who is social, who sends mail, who answers questions.

use std::collections::HashMap;

use journey::Text;

/// Host, medium, name, search parameters. A host stands for all below it; `google.*` for `google`, and all below it, under
/// any suffix of a public registry.
pub(super) const TABLE: &str = include_str!("../referrers.tsv");

/// The ways by which a visitor may come, as a table may name them; `unknown` of a host that is another than the one above it.
const MEDIA: [&str; 6] = ["search", "social", "email", "ai", "paid", "unknown"];

/// What the table says of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub(super) medium: Text,
    pub(super) name: Text,
    pub(super) parameters: Text,
}

/// What is known of hosts: the built-in table, and what `--referrers` puts above it.
#[derive(Clone, Debug)]
pub struct Referrers {
    pub(super) by_host: HashMap<Text, Known>,
    pub(super) by_label: HashMap<Text, Known>,
}

/// A line of a table that says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "line {line} {what}; write host, medium, name and search parameters, with tabs between them"
)]
pub struct BadLine {
    line: usize,
    what: &'static str,
}

impl Default for Referrers {
    fn default() -> Self {
        let mut known = Referrers {
            by_host: HashMap::new(),
            by_label: HashMap::new(),
        };
        known
            .read(TABLE)
            .expect("the built-in table is well-formed");
        known
    }
}

impl Referrers {
    /// The built-in table with these lines above it.
    pub fn with(lines: &str) -> Result<Referrers, BadLine> {
        let mut known = Referrers::default();
        known.read(lines)?;
        Ok(known)
    }

    fn read(&mut self, lines: &str) -> Result<(), BadLine> {
        for (i, line) in lines.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            if line.trim().is_empty() {
                continue;
            }
            let bad = |what| BadLine { line: i + 1, what };
            let mut columns = line.split('\t').map(str::trim);
            let mut column = || columns.next().unwrap_or_default();
            let (host, medium, name) = (column().to_ascii_lowercase(), column(), column());
            if host.is_empty() || name.is_empty() {
                return Err(bad("has no host or no name"));
            }
            if !MEDIA.contains(&medium) {
                return Err(bad(
                    "has a medium that is none of search, social, email, ai, paid and unknown",
                ));
            }
            let known = Known {
                medium: Text::from(medium),
                name: Text::from(name),
                parameters: Text::from(column()),
            };
            match host.strip_suffix(".*") {
                Some(label) => self.by_label.insert(Text::from(label), known),
                None => self.by_host.insert(Text::from(host), known),
            };
        }
        Ok(())
    }

    /// Looks a host up: itself, then every name above it down to the registrable domain, then that domain under any suffix of a
    /// public registry.
    pub(super) fn look_up(&self, host: &str, domain: &str) -> Option<&Known> {
        let mut name = host;
        loop {
            if let Some(known) = self.by_host.get(name) {
                return Some(known);
            }
            if name.len() <= domain.len() {
                break;
            }
            name = name.split_once('.')?.1;
        }
        // Without the suffix: `accounts.google`, then `google`.
        let (label, suffix) = domain.split_once('.')?;
        let mut name = host.strip_suffix(suffix)?.strip_suffix('.')?;
        loop {
            if let Some(known) = self.by_label.get(name) {
                return public_suffix::is_under_public_registry(domain).then_some(known);
            }
            if name.len() <= label.len() {
                return None;
            }
            name = name.split_once('.')?.1;
        }
    }
}
