//! What a timeline says of the sessionizer's outputs.

use std::{collections::BTreeMap, fmt::Write as _};

use journey::{CustomerId, Timestamp, Visit, VisitEvent, visit::kind};
use sessionizer::Output;

/// Says one output as the document does. `at`: the time of the record that it came of.
pub(super) fn say(
    output: &Output,
    at: Option<Timestamp>,
    names: &mut BTreeMap<String, char>,
    showing: &[String],
) -> String {
    let happening = match output {
        Output::Visit(happening) => happening
            .record(&CustomerId::default())
            .expect("what is told can be read"),
        Output::Late(_) => return "dead letter: late".to_owned(),
        Output::Suppressed(reason) => return format!("suppressed: {reason}"),
    };
    let VisitEvent {
        kind,
        time,
        visit,
        merged_into,
        reason,
        ping,
        late,
        ..
    } = &happening;
    let mut name = |id: &str| {
        let next = char::from(b'A' + names.len() as u8);
        *names.entry(id.to_owned()).or_insert(next)
    };
    let Some(visit) = visit else {
        return format!("{} of no visit", words(kind));
    };
    let who = name(visit.id.as_str());
    let when = if Some(*time) == at {
        String::new()
    } else {
        format!(" at {}", clock(*time))
    };
    let late = if *late { ", late" } else { "" };
    let more: String = showing.iter().map(|what| show(what, visit)).collect();
    match kind.as_str() {
        kind::ACTIVITY if *ping => format!("{who} ping{when}{late}{more}"),
        kind::ACTIVITY => format!("{who} event {}{when}{late}{more}", visit.event_count),
        kind::MERGED => {
            let into = merged_into.as_ref().map_or('?', |into| name(into.as_str()));
            format!("{who} merged into {into}{when}")
        }
        kind::ENDED => format!(
            "{who} ended{when}: {}, {}{more}",
            reason.as_deref().unwrap_or("?"),
            summary(visit)
        ),
        other => format!("{who} {}{when}", words(other)),
    }
}

/// What a timeline asks to be shown besides.
fn show(what: &str, visit: &Visit) -> String {
    let number = |number: Option<i64>| number.expect("every visit tells it");
    let seconds = |millis| format!("{}s", number(millis) as f64 / 1000.0);
    match what {
        "visitor" => format!(
            ", visit {}, {} events and {} page views in all since {}",
            number(visit.visit_number),
            number(visit.total_event_count),
            number(visit.total_pageview_count),
            clock(visit.first_seen_date.expect("every visit tells it")),
        ),
        "attention" => format!(
            ", engaged {}, {} on the last page",
            seconds(visit.engaged_millis),
            seconds(visit.last_page_millis)
        ),
        "forms" => {
            let counts = [
                visit.search_count,
                visit.form_submitted_count,
                visit.form_abandoned_count,
            ];
            let [searches, submitted, abandoned] = counts.map(number);
            let form = |form: &journey::visit::FormUse| {
                let (name, done, left) = (&form.name, form.submitted_count, form.abandoned_count);
                format!(" {name} {done}+{left}", name = &**name)
            };
            let forms: String = visit.forms.iter().map(form).collect();
            format!(", {searches} searches, forms {submitted}+{abandoned}:{forms}")
        }
        "consent" => format!(", for {}", visit.consent.purposes.join("+")),
        "robots" if visit.bot => ", robot".to_owned(),
        "robots" => String::new(),
        _ => panic!("nothing to show of {what}"),
    }
}

fn words(kind: &str) -> &str {
    if kind == kind::ENGAGEMENT {
        "report"
    } else {
        kind
    }
}

fn summary(visit: &Visit) -> String {
    let Visit {
        created_date,
        last_event_date,
        event_count,
        first_page,
        last_page,
        ..
    } = visit;
    let events = if *event_count == 1 { "event" } else { "events" };
    let span = format!("{} to {}", clock(*created_date), clock(*last_event_date));
    format!(
        "{span}, {event_count} {events}, {} to {}",
        first_page.pathname, last_page.pathname
    )
}

fn clock(at: Timestamp) -> String {
    let (seconds, millis) = (at.0.div_euclid(1000), at.0.rem_euclid(1000));
    let mut text = format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60);
    if seconds % 60 != 0 || millis != 0 {
        let _ = write!(text, ":{:02}", seconds % 60);
    }
    if millis != 0 {
        let _ = write!(text, ".{millis:03}");
    }
    text
}
