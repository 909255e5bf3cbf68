//! Every mistake in a set of definitions, with its path and what would be right.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;

use super::{Definition, Deployment, PageClass, RoutePath};
use crate::Text;

mod matching;

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

    fn deployment(&mut self, deployment: &Deployment) {
        let Deployment {
            visit_timeout_minutes: timeout,
            idle_seconds: idle,
            away_seconds: away,
            ..
        } = deployment;
        self.expect(
            (1.0..=120.0).contains(timeout),
            ".visitTimeoutMinutes",
            format!("is {timeout}: must be 1 to 120 minutes"),
        );
        let silence = format!("is {idle}: must be more than 0 and less than the visit timeout");
        self.expect(
            *idle > 0.0 && *idle < timeout * 60.0,
            ".idleSeconds",
            silence,
        );
        let silence = format!(
            "is {away}: must be at least idleSeconds ({idle}) and less than the visit timeout"
        );
        self.expect(
            away >= idle && *away < timeout * 60.0,
            ".awaySeconds",
            silence,
        );
        let hours = deployment.max_visit_hours;
        let longest =
            format!("is {hours}: must be more than the visit timeout and at most 168 hours");
        self.expect(
            hours * 60.0 > *timeout && hours <= 168.0,
            ".maxVisitHours",
            longest,
        );
        let events = deployment.max_visit_events;
        self.expect(
            (1..=1_000_000).contains(&events),
            ".maxVisitEvents",
            format!("is {events}: must be 1 to 1,000,000"),
        );
        self.bot_rate(deployment);
        for (i, mapping) in deployment.traits_mapper.iter().enumerate() {
            self.filled(
                &mapping.field_name,
                &format!(".traitsMapper[{i}].fieldName"),
            );
            if let Some(name) = &mapping.trait_name {
                self.filled(name, &format!(".traitsMapper[{i}].traitName"));
            }
        }
        self.texts(
            &deployment.search_query_parameters,
            ".searchQueryParameters",
        );
        self.texts(
            &deployment.excluded_query_parameters,
            ".excludedQueryParameters",
        );
        self.texts(
            &deployment.allowed_query_parameters,
            ".allowedQueryParameters",
        );
        let one_list = deployment.allowed_query_parameters.is_empty()
            || deployment.excluded_query_parameters.is_empty();
        self.expect(
            one_list,
            ".allowedQueryParameters",
            "stands beside excludedQueryParameters: what is not allowed is excluded".to_owned(),
        );
        let country = deployment.default_country.as_deref();
        self.expect(
            country.is_none_or(|country| {
                country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase())
            }),
            ".defaultCountry",
            "is no country as DE or US".to_owned(),
        );
        self.texts(&deployment.consent.purposes, ".consent.purposes");
    }

    fn bot_rate(&mut self, deployment: &Deployment) {
        let (events, seconds) = (deployment.bot_rate_events, deployment.bot_rate_seconds);
        self.expect(
            (0..=1_000_000).contains(&events),
            ".botRateEvents",
            format!("is {events}: must be 0 (no such rule) to 1,000,000"),
        );
        self.expect(
            seconds >= 1.0 && seconds <= deployment.visit_timeout_minutes * 60.0,
            ".botRateSeconds",
            format!("is {seconds}: must be 1 to the visit timeout"),
        );
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

    fn page_class(&mut self, class: &PageClass) {
        const CLASSES: [&str; 4] = ["block", "count_only", "no_link", "no_offer"];
        let fits = CLASSES.contains(&class.class.as_str());
        self.expect(
            fits,
            ".class",
            format!(
                "{:?} is no page class: must be one of {}",
                class.class,
                CLASSES.join(", ")
            ),
        );
        self.expect(
            !class.patterns.is_empty(),
            ".patterns",
            "must hold at least one pattern, as shop.example/account/*",
        );
        self.texts(&class.patterns, ".patterns");
        for (i, pattern) in class.patterns.iter().enumerate() {
            let bare = !pattern.contains("://");
            self.expect(
                bare,
                &format!(".patterns[{i}]"),
                "is host and path without a scheme, as shop.example/account/*",
            );
        }
        if let Some(deployment) = &class.deployment_id {
            let known = self.knows("deployment", deployment);
            self.expect(
                known,
                ".deploymentId",
                format!("no deployment {deployment:?} is defined here"),
            );
        }
    }
}

#[cfg(test)]
mod tests;
