//! What became of the lines, as it is said.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Consent, Imported, Skip, Skipped};
use crate::source_file;

/// What people are told who meet [`Skip::NoAddress`].
const NO_ADDRESS: &str = "no_address: the first field is neither an IP address nor `-`: log as `combined` does, not as \
                          `vhost_combined`, with HostnameLookups off";
/// What people are told who said nothing of consent.
const NO_CONSENT: &str = "consent is `unknown`: a deployment that requires consent drops these; --consent granted if the \
                          visitors had agreed";
/// How much of a line is shown.
const SHOWN: usize = 120;

impl Imported {
    /// There were lines, and not one gave an event.
    pub fn is_in_vain(&self) -> bool {
        self.events == 0 && !self.skipped.is_empty()
    }

    /// What became of the lines: one line, one more of what was left out, and those of what to do.
    pub(super) fn report(&self, consent: Consent, as_json: bool) -> String {
        let skipped = self.skipped.iter().map(|(skip, n)| (skip.as_str(), n));
        let first = self.first_skipped.as_ref().filter(|_| self.is_in_vain());
        if as_json {
            let skipped: BTreeMap<_, _> = skipped.collect();
            let (events, left_out) = (self.events, &self.left_out);
            let first = first.map(|first| {
                json!({"number": first.number, "reason": first.skip.as_str(), "line": first.shown()})
            });
            let all = json!({"events": events, "skipped": skipped, "leftOut": left_out, "firstSkipped": first});
            return all.to_string();
        }
        let said = |(what, n): (&str, &u64)| format!("{n} {what}");
        let mut report = vec![format!("{} events", self.events)];
        report.extend(skipped.map(said));
        let mut lines = vec![report.join(" · ")];
        if !self.left_out.is_empty() {
            let left_out = self.left_out.iter().map(|(what, n)| said((what, n)));
            let left_out: Vec<String> = left_out.collect();
            lines.push(format!("left out of them: {}", left_out.join(" · ")));
        }
        lines.extend(first.into_iter().flat_map(Skipped::told));
        if self.skipped.contains_key(&Skip::NoAddress) {
            lines.push(NO_ADDRESS.to_owned());
        }
        if consent == Consent::Unknown && self.events > 0 {
            lines.push(NO_CONSENT.to_owned());
        }
        lines.join("\n")
    }
}

impl Skipped {
    fn told(&self) -> Vec<String> {
        let (number, reason) = (self.number, self.skip.as_str());
        let mut told = vec![format!(
            "not one line could be used. The first, line {number}, is {reason}: {}",
            self.shown()
        )];
        told.extend(source_file::no_line_of_its_own(&self.line).map(str::to_owned));
        told
    }

    fn shown(&self) -> String {
        let line = String::from_utf8_lossy(&self.line);
        let line = line.trim_end();
        match line.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &line[..end]),
            None => line.to_owned(),
        }
    }
}
