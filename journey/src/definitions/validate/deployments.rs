//! Mistakes in deployments and page classes.

use super::Report;
use crate::{
    definitions::{
        CALLING_CODES, CallingCode, Deployment, IpRange, Origin, PageClass, PagePattern,
    },
    web_event::purpose,
};

/// The most events a second that may be asked for.
const HIGHEST_RATE: f64 = 1_000_000.0;
/// The fewest: one in a quarter of an hour or so.
const LOWEST_RATE: f64 = 0.001;

impl Report<'_> {
    pub(super) fn deployment(&mut self, deployment: &Deployment) {
        self.expect(
            deployment.id.bytes().all(|b| b.is_ascii_graphic()),
            ".id",
            "must be of ASCII characters without spaces: events name it",
        );
        self.answerable(deployment);
        self.admission(deployment);
        self.visits(deployment);
        self.bot_rate(deployment);
        self.mappings(deployment);
        self.parameters(deployment);
        if let Some(country) = &deployment.default_country
            && CallingCode::of(country).is_none()
        {
            let known: Vec<_> = CALLING_CODES.iter().map(|code| code.country).collect();
            self.add(
                ".defaultCountry",
                format!("{country:?} is no country whose telephone numbers can be told from what is written at home; leave it out, and \
                         only numbers with their country's code are kept, or write one of {}", known.join(", ")),
            );
        }
        let needed = deployment.consent.purposes.by_other_names();
        for (use_, purposes) in purpose::ALL.iter().zip(needed) {
            let place = format!(".consent.purposes.{use_}");
            self.texts(purposes.unwrap_or_default(), &place);
        }
    }

    fn mappings(&mut self, deployment: &Deployment) {
        for (i, mapping) in deployment.traits_mapper.iter().enumerate() {
            self.filled(
                &mapping.field_name,
                &format!(".traitsMapper[{i}].fieldName"),
            );
            if let Some(name) = &mapping.trait_name {
                self.filled(name, &format!(".traitsMapper[{i}].traitName"));
            }
        }
    }

    /// Which parameters of URLs are searches, and which are kept.
    fn parameters(&mut self, deployment: &Deployment) {
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
            "stands beside excludedQueryParameters: what is not allowed is excluded",
        );
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

    /// Somebody must answer for what is tracked: who, what for, and where to ask.
    fn answerable(&mut self, deployment: &Deployment) {
        for (value, place, example) in [
            (
                &deployment.owner,
                ".owner",
                "who answers for the snippet, as E-commerce",
            ),
            (
                &deployment.purpose,
                ".purpose",
                "what is tracked for, as Sales chat in the online shop",
            ),
            (
                &deployment.contact,
                ".contact",
                "where the owner is reached, as ecommerce@shop.example",
            ),
        ] {
            self.expect(
                !value.trim().is_empty(),
                place,
                format!("is missing: say {example}"),
            );
        }
    }

    fn admission(&mut self, deployment: &Deployment) {
        for (i, origin) in deployment.allowed_origins.iter().enumerate() {
            if let Some(mistake) = Origin::new(origin).mistake() {
                self.add(&format!(".allowedOrigins[{i}]"), mistake);
            }
        }
        for (i, range) in deployment.excluded_ip_addresses.iter().enumerate() {
            self.expect(
                IpRange::parse(range).is_some(),
                &format!(".excludedIpAddresses[{i}]"),
                "is neither an address nor a range: write one as 192.0.2.7 or 192.0.2.0/24",
            );
        }
        let Deployment {
            events_per_second,
            event_burst,
            visitor_events_per_second,
            visitor_event_burst,
            ..
        } = deployment;
        self.quota(
            *events_per_second,
            *event_burst,
            (".eventsPerSecond", ".eventBurst"),
        );
        let places = (".visitorEventsPerSecond", ".visitorEventBurst");
        self.quota(*visitor_events_per_second, *visitor_event_burst, places);
    }

    fn quota(&mut self, rate: Option<f64>, burst: Option<u32>, (at_rate, at_burst): (&str, &str)) {
        if let Some(rate) = rate {
            self.expect(
                (LOWEST_RATE..=HIGHEST_RATE).contains(&rate),
                at_rate,
                format!("is {rate}: must be {LOWEST_RATE} to 1,000,000"),
            );
        }
        if let Some(burst) = burst {
            self.expect(
                (1..=1_000_000).contains(&burst),
                at_burst,
                format!("is {burst}: must be 1 to 1,000,000"),
            );
            let what = format!("limits nothing without {}", at_rate.trim_start_matches('.'));
            self.expect(rate.is_some(), at_burst, what);
        }
    }

    /// How visits begin, turn and end.
    fn visits(&mut self, deployment: &Deployment) {
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
    }

    pub(super) fn page_class(&mut self, class: &PageClass) {
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
            if let Some(mistake) = PagePattern::new(pattern).mistake() {
                self.add(&format!(".patterns[{i}]"), mistake);
            }
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
