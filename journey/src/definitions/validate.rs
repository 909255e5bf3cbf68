//! Every mistake in a set of definitions, with its path and what would be right.

use std::{collections::BTreeSet, fmt};

use jiff::tz::TimeZone;

use super::{Definition, RoutePath};
use crate::Text;

mod deployments;
mod matching;
mod members;
mod nearest;

pub use members::{strange_members, unknown_members};

/// What a context criterion can look at: the visit.
pub const CONTEXT_KEYS: [&str; 23] = [
    "device.category",
    "device.type",
    "device.osFamily",
    "browser.family",
    "browser.lang",
    "browser.version",
    "mktCampaign.source",
    "mktCampaign.medium",
    "mktCampaign.name",
    "mktCampaign.term",
    "mktCampaign.content",
    "mktCampaign.clickId",
    "mktCampaign.network",
    "geolocation.countryName",
    "geolocation.locality",
    "geolocation.region",
    "geolocation.postalCode",
    "geolocation.country",
    "ipOrganization",
    "referrer.url",
    "referrer.medium",
    "referrer.hostname",
    "authenticated",
];

/// What a journey criterion or an event condition can look at, `attributes.<name>.value` aside: an event.
pub const EVENT_KEYS: [&str; 11] = [
    "eventName",
    "page.url",
    "page.title",
    "page.hostname",
    "page.domain",
    "page.fragment",
    "page.keywords",
    "page.lang",
    "page.pathname",
    "page.queryString",
    "searchQuery",
];

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// `segment/pricing.journey.patterns[0].count`.
    pub path: String,
    /// What is wrong, and what would be right.
    pub what: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.what)
    }
}

/// Every mistake in `definitions`, taken together: references must meet.
pub fn validate(definitions: &[Definition]) -> Vec<Mistake> {
    let mut report = Report {
        known: definitions,
        mistakes: Vec::new(),
        path: String::new(),
    };
    let mut seen = BTreeSet::new();
    for definition in definitions {
        report.path = format!("{}/{}", definition.kind(), definition.id());
        report.id(definition.id());
        if !seen.insert((definition.kind(), definition.id())) {
            report.add(
                ".id",
                "is defined twice: an id is unique within its kind; remove or rename one of them",
            );
        }
        match definition {
            Definition::Deployment(deployment) => report.deployment(deployment),
            Definition::Segment(segment) => report.segment(segment),
            Definition::Outcome(outcome) => report.outcome(outcome),
            Definition::ActionMap(map) => report.action_map(map),
            Definition::RoutePath(route_path) => report.route_path(route_path),
            Definition::PageClass(class) => report.page_class(class),
            Definition::ActionTemplate(_)
            | Definition::ScheduleGroup(_)
            | Definition::FrequencyCap(_) => {}
        }
    }
    report.mistakes
}

/// The mistakes so far, and where we are.
struct Report<'a> {
    known: &'a [Definition],
    mistakes: Vec<Mistake>,
    path: String,
}

impl Report<'_> {
    /// Adds a mistake at a place within the definition.
    fn add(&mut self, place: &str, what: impl Into<String>) {
        self.mistakes.push(Mistake {
            path: format!("{}{place}", self.path),
            what: what.into(),
        });
    }

    /// Adds a mistake unless all is well.
    fn expect(&mut self, well: bool, place: &str, what: impl Into<String>) {
        if !well {
            self.add(place, what);
        }
    }

    fn knows(&self, kind: &str, id: &str) -> bool {
        self.known
            .iter()
            .any(|definition| definition.kind() == kind && definition.id() == id)
    }

    /// An id stands in topic keys, which are split at slashes.
    fn id(&mut self, id: &str) {
        let fits = !id.is_empty()
            && id.len() <= 128
            && !id.contains(['/', '|'])
            && !id.contains(char::is_control);
        self.expect(
            fits,
            ".id",
            "must be 1 to 128 characters without '/' and '|'",
        );
    }

    fn filled(&mut self, value: &str, place: &str) {
        self.expect(!value.trim().is_empty(), place, "must not be empty");
    }

    fn texts(&mut self, texts: &[Text], place: &str) {
        for (i, text) in texts.iter().enumerate() {
            self.filled(text, &format!("{place}[{i}]"));
        }
    }

    fn route_path(&mut self, route_path: &RoutePath) {
        self.filled(&route_path.queue_id, ".queueId");
        self.filled(&route_path.media_type, ".mediaType");
        let zone = &route_path.time_zone;
        let known = TimeZone::get(zone).is_ok();
        self.expect(
            known,
            ".timeZone",
            format!("{zone:?} is no IANA time zone; write one as Europe/London"),
        );
        if let Some(concurrency) = route_path.concurrency {
            let fits = concurrency > 0.0 && concurrency <= 1000.0;
            self.expect(
                fits,
                ".concurrency",
                format!("is {concurrency}: must be more than 0 and at most 1000"),
            );
        }
        const DAYS: [&str; 7] = [
            "Monday",
            "Tuesday",
            "Wednesday",
            "Thursday",
            "Friday",
            "Saturday",
            "Sunday",
        ];
        if let Some(day) = &route_path.week_start {
            let fits = DAYS.iter().any(|known| day.eq_ignore_ascii_case(known));
            self.expect(
                fits,
                ".weekStart",
                format!("{day:?} is no day of the week; write one as Monday"),
            );
        }
        self.texts(&route_path.skill_ids, ".skillIds");
    }
}

#[cfg(test)]
mod tests;
