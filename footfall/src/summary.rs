//! What came out of a run, counted from the topics themselves; what went in and what became of it, from ingest's metrics.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use journey::{
    JourneyEvent, Offer, Text, Timestamp, VisitEvent, journey_event::event_type,
    staffing::StaffingInterval, topics, visit,
};
use schemas::{Avro, from_bytes, unframe};

/// Counts of a run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Raw records by what became of them: (result, reason) → count. From ingest's metrics.
    pub fates: BTreeMap<(String, String), u64>,
    /// Visitors who started a visit.
    pub visitors: BTreeSet<Text>,
    /// Visit events by kind.
    pub visit_events: BTreeMap<Text, u64>,
    /// Ended visits by reason.
    pub ended: BTreeMap<Text, u64>,
    /// Journey events by type.
    pub journey_events: BTreeMap<Text, u64>,
    /// Assignments by segment.
    pub segments: BTreeMap<Text, u64>,
    /// Achievements by outcome.
    pub outcomes: BTreeMap<Text, u64>,
    /// Web actions by state.
    pub actions: BTreeMap<Text, u64>,
    /// Blocked offers by reason.
    pub blocked: BTreeMap<Text, u64>,
    /// Offers by status.
    pub offers: BTreeMap<Text, u64>,
    /// The last revision of every interval, by route path and start.
    pub intervals: BTreeMap<(Text, Timestamp), StaffingInterval>,
    /// Revisions of intervals.
    pub revisions: u64,
    /// Records that could not be decoded: a bug, or another version's.
    pub unreadable: u64,
}

fn decode<T: Avro>(value: &[u8]) -> Option<T> {
    from_bytes(unframe(value)?.1).ok()
}

fn add(counts: &mut BTreeMap<Text, u64>, what: &Text) {
    *counts.entry(what.clone()).or_default() += 1;
}

impl Summary {
    /// Takes one record of a topic (by its name without the lane's prefix) in. Marks and ticks are passed over.
    pub fn take(&mut self, topic: &str, value: Option<&[u8]>) {
        let Some(value) = value else { return };
        let read = match topic {
            topics::VISITS => decode(value).map(|event| self.visit(&event)),
            topics::JOURNEY_EVENTS => decode(value).map(|event| self.journey_event(&event)),
            topics::OFFERS => {
                decode::<Offer>(value).map(|offer| add(&mut self.offers, &offer.status))
            }
            topics::STAFFING => decode(value).map(|interval| self.interval(interval)),
            _ => Some(()),
        };
        self.unreadable += u64::from(read.is_none());
    }

    fn visit(&mut self, event: &VisitEvent) {
        add(&mut self.visit_events, &event.kind);
        if let Some(opens) = &event.opens {
            add(&mut self.visit_events, opens);
        }
        if [Some(&event.kind), event.opens.as_ref()]
            .into_iter()
            .flatten()
            .any(|kind| *kind == visit::kind::STARTED)
        {
            self.visitors.insert(event.customer_id.0.clone());
        }
        if let Some(reason) = event
            .reason
            .as_ref()
            .filter(|_| event.kind == visit::kind::ENDED)
        {
            add(&mut self.ended, reason);
        }
    }

    fn journey_event(&mut self, event: &JourneyEvent) {
        add(&mut self.journey_events, &event.event_type);
        match event.event_type.as_str() {
            event_type::SEGMENT_ASSIGNMENT => {
                if let Some(assignment) = &event.segment_assignment_event {
                    add(&mut self.segments, &assignment.segment.display_name);
                }
            }
            event_type::OUTCOME_ACHIEVED => {
                if let Some(achieved) = &event.outcome_achieved_event {
                    add(&mut self.outcomes, &achieved.outcome.display_name);
                }
            }
            event_type::WEB_ACTION => {
                if let Some(action) = &event.web_action_event {
                    add(&mut self.actions, &action.action_state);
                }
            }
            event_type::BLOCKED_OFFER => {
                if let Some(blocked) = &event.blocked_web_action_offer_event {
                    add(&mut self.blocked, &blocked.blocking_reason);
                }
            }
            _ => {}
        }
    }

    fn interval(&mut self, interval: StaffingInterval) {
        self.revisions += 1;
        self.intervals.insert(
            (interval.route_path_id.0.clone(), interval.interval_start),
            interval,
        );
    }

    /// Adds what ingest's metrics say of raw records.
    pub fn take_metrics(&mut self, text: &str) {
        for line in text
            .lines()
            .filter(|line| line.starts_with("footfall_records_total{"))
        {
            let label = |name: &str| {
                let rest = line.split_once(&format!("{name}=\""))?.1;
                rest.split_once('"').map(|(value, _)| value.to_owned())
            };
            let count = line
                .rsplit_once(' ')
                .and_then(|(_, n)| n.parse::<f64>().ok());
            if let (Some(result), Some(reason), Some(count)) =
                (label("result"), label("reason"), count)
            {
                *self.fates.entry((result, reason)).or_default() += count as u64;
            }
        }
    }

    /// Raw records with this fate.
    pub fn fate(&self, result: &str) -> u64 {
        self.fates
            .iter()
            .filter(|((r, _), _)| r == result)
            .map(|(_, n)| n)
            .sum()
    }

    /// Raw records: forwarded + suppressed + dead-lettered.
    pub fn accounted(&self) -> u64 {
        self.fates.values().sum()
    }

    /// Whether what the sender counted is all accounted for, and everything that came of it could be read.
    pub fn adds_up(&self, events_in: u64) -> bool {
        events_in == self.accounted() && self.unreadable == 0
    }

    /// As a table for people. `events_in` is what the sender counted.
    pub fn render(&self, events_in: u64) -> String {
        let mut text = String::new();
        self.render_fates(&mut text, events_in);
        if self.unreadable > 0 {
            let note = "records that came out, of another version or format: what follows does not count them";
            row(&mut text, "unreadable", self.unreadable, note);
        }
        let mut line = |name: &str, count: u64, of: String| row(&mut text, name, count, &of);
        let told = |kind: &str| self.visit_events.get(kind).copied().unwrap_or_default();
        let none = String::new;
        line("visitors", self.visitors.len() as u64, none());
        line("visits", told(visit::kind::STARTED), by_name(&self.ended));
        line("  merged", told(visit::kind::MERGED), none());
        line("  idle", told(visit::kind::IDLE), none());
        line("  away", told(visit::kind::AWAY), none());
        line("  resumed", told(visit::kind::RESUMED), none());
        line("segments", sum(&self.segments), by_name(&self.segments));
        line("outcomes", sum(&self.outcomes), by_name(&self.outcomes));
        let offered = self.offers.get("offered").copied().unwrap_or_default();
        line("offers", offered, by_name(&self.actions));
        line("  blocked", sum(&self.blocked), by_name(&self.blocked));
        let provisional = journey::staffing::status::PROVISIONAL;
        let finals = self.intervals.values();
        let finals = finals.filter(|i| i.status != provisional).count();
        let note = format!("{finals} final, {} revisions", self.revisions);
        line("staffing intervals", self.intervals.len() as u64, note);
        text
    }

    /// What became of the raw records, and whether that is all of them.
    fn render_fates(&self, text: &mut String, events_in: u64) {
        let verdict = if self.adds_up(events_in) {
            "they add up"
        } else {
            "THEY DO NOT ADD UP"
        };
        row(text, "events in", events_in, verdict);
        for (result, name) in [
            ("forwarded", "  forwarded"),
            ("suppressed", "  suppressed"),
            ("dead_lettered", "  dead-lettered"),
        ] {
            let fates = self.fates.iter();
            let of = fates.filter(|((r, reason), _)| r == result && !reason.is_empty());
            let reasons = list(of.map(|((_, reason), n)| (reason.as_str(), *n)));
            row(text, name, self.fate(result), &reasons);
        }
    }

    /// The busiest staffing intervals, as a table for people.
    pub fn render_staffing(&self, most: usize) -> String {
        let mut busy: Vec<_> = self
            .intervals
            .values()
            .filter(|i| i.actual.qualified > 0)
            .collect();
        busy.sort_by_key(|i| {
            (
                std::cmp::Reverse(i.actual.interactions_offered),
                i.interval_start,
            )
        });
        busy.truncate(most);
        busy.sort_by_key(|i| (i.interval_start, i.route_path_id.clone()));
        let mut text = String::new();
        let _ = writeln!(
            text,
            "{:<24} {:<20} {:>9} {:>8} {:>8} {:>7} {:>8}  status",
            "interval (UTC)", "route path", "qualified", "invited", "accepted", "chats", "handled"
        );
        for interval in busy {
            let actual = &interval.actual;
            let _ = writeln!(
                text,
                "{:<24} {:<20} {:>9} {:>8} {:>8} {:>7} {:>8}  {} r{}",
                interval.interval_start.to_string(),
                interval.route_path_id.as_str(),
                actual.qualified,
                actual.invitations_offered,
                actual.invitations_accepted,
                actual.interactions_offered,
                actual.interactions_handled,
                interval.status,
                interval.revision
            );
        }
        text
    }

    /// As JSON for programs. `missing` are events that nothing tells of; fewer than none, if more is told of than was sent.
    pub fn to_json(&self, events_in: u64) -> serde_json::Value {
        let fates: BTreeMap<String, u64> = self
            .fates
            .iter()
            .map(|((result, reason), n)| (format!("{result}/{reason}"), *n))
            .collect();
        serde_json::json!({
            "eventsIn": events_in, "missing": events_in as i64 - self.accounted() as i64, "unreadable": self.unreadable,
            "addsUp": self.adds_up(events_in), "fates": fates, "visitors": self.visitors.len(),
            "visitEvents": self.visit_events, "ended": self.ended, "journeyEvents": self.journey_events,
            "segments": self.segments, "outcomes": self.outcomes, "actions": self.actions, "blocked": self.blocked,
            "offers": self.offers, "staffingIntervals": self.intervals.len(), "staffingRevisions": self.revisions,
        })
    }
}

fn sum(counts: &BTreeMap<Text, u64>) -> u64 {
    counts.values().sum()
}

fn by_name(counts: &BTreeMap<Text, u64>) -> String {
    list(counts.iter().map(|(name, n)| (name.as_str(), *n)))
}

fn list<'a>(counts: impl Iterator<Item = (&'a str, u64)>) -> String {
    counts
        .map(|(name, n)| format!("{name} {}", thousands(n)))
        .collect::<Vec<_>>()
        .join(" · ")
}

fn row(text: &mut String, name: &str, count: u64, note: &str) {
    let _ = writeln!(text, "{name:<20} {:>10}  {note}", thousands(count));
}

/// `41,200`.
pub fn thousands(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(
            [0, 999, 1_000, 41_200, 1_234_567].map(thousands),
            ["0", "999", "1,000", "41,200", "1,234,567"]
        );
    }

    #[test]
    fn fates_are_read_off_the_metrics_and_summed() {
        let mut summary = Summary::default();
        summary.take_metrics(
            "# HELP x\nfootfall_records_total{reason=\"\",result=\"forwarded\",stage=\"ingest\",topic=\"web.events.raw\"} 7\n\
             footfall_records_total{reason=\"not_json\",result=\"dead_lettered\",stage=\"ingest\",topic=\"web.events.raw\"} 2\n",
        );
        assert_eq!(
            (
                summary.fate("forwarded"),
                summary.fate("dead_lettered"),
                summary.accounted()
            ),
            (7, 2, 9)
        );
        assert!(summary.render(10).contains("THEY DO NOT ADD UP"));
        assert!(summary.render(9).contains("they add up"));
        let json = |events_in| summary.to_json(events_in);
        assert_eq!(
            (&json(9)["missing"], &json(9)["addsUp"]),
            (&0.into(), &true.into())
        );
        assert_eq!(
            (&json(10)["eventsIn"], &json(10)["missing"]),
            (&10.into(), &1.into())
        );
        assert_eq!(
            (&json(8)["missing"], &json(8)["addsUp"]),
            (&(-1).into(), &false.into())
        );
    }

    #[test]
    fn what_cannot_be_read_is_told_and_does_not_add_up() {
        let mut summary = Summary::default();
        assert!(summary.adds_up(0));
        for topic in [topics::VISITS, topics::OFFERS] {
            summary.take(topic, Some(b"{\"status\":\"offered\"}"));
        }
        assert!(!summary.adds_up(0));
        let text = summary.render(0);
        assert!(text.contains("THEY DO NOT ADD UP"), "{text}");
        assert!(
            text.contains("\nunreadable                    2  "),
            "{text}"
        );
        assert_eq!(summary.to_json(0)["unreadable"], 2);
    }
}
