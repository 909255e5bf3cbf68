//! The timelines of `docs/semantics.md`: one visitor's records and marks, and what the sessionizer has to say to each.

use std::{collections::BTreeMap, fmt::Write as _};

use journey::{
    CustomerId, DeploymentId, EventId, Millis, TaskTime, Text, Timestamp, Visit, VisitEvent,
    WebEvent,
    visit::kind,
    web_event::{
        Activity, Control, Engagement, MktCampaign, PAGE_VIEWED, PING, Page, Policy, Referrer,
    },
};
use pipeline::{Fold, TaskContext};
use sessionizer::{Event, Output, Sessionizer, Visitor};

/// A fold with no state.
pub(crate) fn fold() -> Fold<Sessionizer> {
    Fold::new(Sessionizer::new(TaskContext {
        input: 0,
        partition: 0,
        partition_count: 1,
    }))
}

/// A new fold with the states and the time of another, by way of their bytes.
pub(crate) fn restored(fold: &Fold<Sessionizer>) -> Fold<Sessionizer> {
    let mut new = self::fold();
    new.set_time(fold.time());
    for (key, state) in fold.states() {
        let bytes = schemas::to_bytes(state);
        let read: Visitor = schemas::from_bytes(&bytes).expect("a state reads back");
        assert_eq!(&read, state, "a state reads back as it was");
        assert_eq!(schemas::to_bytes(&read), bytes, "equal states, equal bytes");
        new.restore(key.clone(), read);
    }
    new
}

/// The task hears that all up to `frontier` has been passed on, and every timer that is due fires.
pub(crate) fn mark(
    fold: &mut Fold<Sessionizer>,
    frontier: Timestamp,
    grace: Millis,
    out: &mut Vec<Output>,
) {
    fold.set_time(TaskTime::new(frontier, grace));
    while fold.fire_next(out).is_some() {}
}

/// One timeline: its settings, its steps, and what is expected of each.
#[derive(Debug)]
pub(crate) struct Timeline {
    grace: Millis,
    policy: Policy,
    showing: Vec<String>,
    steps: Vec<(String, Vec<String>)>,
}

impl Timeline {
    /// The timelines of a document: its fenced blocks of that name.
    pub(crate) fn all_of(document: &str) -> Vec<(usize, Timeline)> {
        let mut timelines = Vec::new();
        let mut block: Option<(usize, Vec<&str>)> = None;
        for (number, line) in document.lines().enumerate() {
            match (&mut block, line.trim()) {
                (None, "```timeline") => block = Some((number + 1, Vec::new())),
                (Some(_), "```") => timelines.extend(
                    block
                        .take()
                        .map(|(number, lines)| (number, Timeline::parse(&lines))),
                ),
                (Some((_, lines)), line) if !line.is_empty() => lines.push(line),
                _ => {}
            }
        }
        timelines
    }

    fn parse(lines: &[&str]) -> Timeline {
        let mut timeline = Timeline {
            grace: Millis::from_mins(15),
            policy: Policy::default(),
            showing: Vec::new(),
            steps: Vec::new(),
        };
        for line in lines {
            if let Some(settings) = line.strip_prefix("with ") {
                settings
                    .split(", ")
                    .for_each(|setting| timeline.set(setting));
            } else if let Some(expected) = line.strip_prefix("-> ") {
                let (_, all) = timeline
                    .steps
                    .last_mut()
                    .expect("a step before its outputs");
                all.push(expected.to_owned());
            } else {
                timeline.steps.push(((*line).to_owned(), Vec::new()));
            }
        }
        timeline
    }

    fn set(&mut self, setting: &str) {
        match setting.split(' ').collect::<Vec<_>>()[..] {
            ["grace", length] => self.grace = millis(length),
            ["timeout", length] => self.policy.visit_timeout = millis(length),
            ["pings", "not", "extending"] => self.policy.pings_extend = false,
            ["a", "visit", "per", "source"] => self.policy.split_on_source = true,
            ["robots", "beyond", count, "in", length] => {
                self.policy.bot_rate_events = count.parse().expect("a count");
                self.policy.bot_rate_window = millis(length);
            }
            ["showing", what] => self.showing.push(what.to_owned()),
            ["at", "most", count, "events"] => {
                self.policy.max_events = count.parse().expect("a count")
            }
            ["at", "most", length] => self.policy.max_duration = millis(length),
            _ => panic!("no such setting: {setting}"),
        }
    }

    /// Plays the timeline: as it should read, and whether it does. With `restore`, from the state's bytes at every step.
    pub(crate) fn play(&self, restore: bool) -> (String, bool) {
        let mut fold = fold();
        let mut names = BTreeMap::new();
        let (mut text, mut right) = (String::new(), true);
        for (number, (step, expected)) in self.steps.iter().enumerate() {
            if restore {
                fold = restored(&fold);
            }
            let mut out = Vec::new();
            match step.strip_prefix("mark ") {
                Some(at) => mark(&mut fold, time(at), self.grace, &mut out),
                None => {
                    let event = self.record(number, step, &names);
                    fold.apply(Event::from(&event), &mut out);
                }
            }
            let at = step
                .split(' ')
                .next()
                .filter(|_| !step.starts_with("mark "))
                .map(time);
            let said: Vec<String> = out
                .iter()
                .map(|output| say(output, at, &mut names, &self.showing))
                .collect();
            right &= said == *expected;
            let _ = writeln!(text, "{step}");
            said.iter()
                .for_each(|line| text.push_str(&format!("    -> {line}\n")));
        }
        mark(
            &mut fold,
            Timestamp(400 * 86_400_000),
            self.grace,
            &mut Vec::new(),
        );
        assert!(fold.is_empty(), "nothing is left in the end of:\n{text}");
        (text, right)
    }

    fn record(&self, number: usize, step: &str, names: &BTreeMap<String, char>) -> WebEvent {
        let mut words = step.split(' ');
        let at = time(words.next().unwrap_or_default());
        let mut event = WebEvent {
            event_id: EventId::from(format!("line {number:03}")),
            customer_id: CustomerId::from("k1.visitor"),
            deployment_id: DeploymentId::from("shop"),
            policy: self.policy.clone(),
            occurred_at: at,
            received_at: at,
            ..WebEvent::default()
        };
        let mut activity = Activity::default();
        activity.page.domain = Text::from("shop.example");
        let what = words.next().unwrap_or_default();
        match what {
            "page" => activity.event_name = Text::from(PAGE_VIEWED),
            "ping" => activity.event_name = Text::from(PING),
            "report" => event.engagement = Some(Engagement::default()),
            "withdraw" => {
                event.control = Some(Control {
                    action: Text::from("consent_withdrawn"),
                    purposes: Vec::new(),
                })
            }
            "erase" | "anonymise" => {
                event.control = Some(Control {
                    action: Text::from(what),
                    purposes: Vec::new(),
                })
            }
            name => activity.event_name = Text::from(name),
        }
        if let "page" | "ping" = what {
            page(&mut activity.page, words.next().expect("a page"));
        }
        while let Some(word) = words.next() {
            let with = (word, words.next().unwrap_or_default());
            modify(&mut event, &mut activity, with, names);
        }
        event.web_event =
            (event.engagement.is_none() && event.control.is_none()).then_some(activity);
        event
    }
}

/// One pair of words behind what happened, as `campaign spring`.
fn modify(
    event: &mut WebEvent,
    activity: &mut Activity,
    with: (&str, &str),
    names: &BTreeMap<String, char>,
) {
    match with {
        ("on", path) if event.engagement.is_none() => page(&mut activity.page, path),
        ("on", name) => {
            let named = names.iter().find(|(_, letter)| letter.to_string() == name);
            let id = named.map_or(name, |(id, _)| id.as_str());
            event.engagement = Some(Engagement {
                session_id: Some(Text::from(id)),
                ..Engagement::default()
            });
        }
        ("searching", term) => activity.search_query = Some(Text::from(term)),
        ("form", name) => activity.form_name = Some(Text::from(name)),
        ("as", id) => event.event_id = EventId::from(id),
        ("timeout", length) => event.policy.visit_timeout = millis(length),
        ("extending", "nothing") => event.policy.pings_extend = false,
        ("from", domain) => {
            activity.referrer = Some(Referrer {
                domain: Text::from(domain),
                ..Referrer::default()
            });
        }
        ("campaign", name) => {
            activity.mkt_campaign = Some(MktCampaign {
                name: Some(Text::from(name)),
                ..MktCampaign::default()
            });
        }
        ("for", purpose) => {
            if let Some(control) = &mut event.control {
                control.purposes.push(Text::from(purpose));
            }
        }
        (word, _) => panic!("no such word: {word}"),
    }
}

fn page(page: &mut Page, path: &str) {
    page.url = Text::from(format!("https://shop.example{path}"));
    page.pathname = Text::from(path);
}

/// Says one output as the document does. `at`: the time of the record that it came of.
fn say(
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

/// `10:00`, `10:00:45` or `10:00:45.001`, on some day.
fn time(text: &str) -> Timestamp {
    let (clock, millis) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = clock
        .split(':')
        .map(|part| part.parse::<i64>().expect("a time of day"));
    let mut next = || parts.next().unwrap_or(0);
    let seconds = next() * 3600 + next() * 60 + next();
    Timestamp(seconds * 1000 + millis.parse::<i64>().expect("milliseconds"))
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

/// `30s`, `20m`, `24h`.
fn millis(text: &str) -> Millis {
    let (number, unit) = text.split_at(text.len() - 1);
    let number: i64 = number.parse().expect("a number");
    match unit {
        "s" => Millis::from_secs(number),
        "m" => Millis::from_mins(number),
        _ => Millis::from_mins(number * 60),
    }
}
