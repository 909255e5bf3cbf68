//! The timelines of `docs/semantics.md`: one visitor's records and marks, and what the sessionizer has to say to each.

use std::{collections::BTreeMap, convert::Infallible, fmt::Write as _};

use journey::{
    CustomerId, DeploymentId, EventId, Millis, TaskTime, Text, Timestamp, WebEvent,
    web_event::{
        Activity, Control, Engagement, MktCampaign, PAGE_VIEWED, PING, Page, Policy, Referrer,
    },
};
use pipeline::{Fold, Processor, TaskContext};
use sessionizer::{Event, Output, Sessionizer};

mod say;

use say::say;

const VISITOR: &str = "k1.visitor";

/// A fold with no state.
pub(crate) fn fold() -> Fold<Sessionizer> {
    Fold::new(Sessionizer::new(TaskContext {
        input: 0,
        partition: 0,
        partition_count: 1,
    }))
}

/// A new fold with the states and the time of another, by way of their bytes in each format.
pub(crate) fn restored(fold: &Fold<Sessionizer>) -> Fold<Sessionizer> {
    let mut new = self::fold();
    new.set_time(fold.time());
    let states = fold.states().into_iter().map(|(key, state)| {
        let written = |state: &<Sessionizer as Processor>::State, format| {
            let mut bytes = Vec::new();
            Sessionizer::write_state(state, format, &mut bytes);
            bytes
        };
        let mut last = state.clone();
        for format in 1..=Sessionizer::STATE_FORMAT {
            let bytes = written(&last, format);
            last = Sessionizer::read_state(format, &bytes).expect("a state reads back");
            assert_eq!(
                &last, state,
                "a state reads back as it was, format {format}"
            );
            assert_eq!(written(&last, format), bytes, "equal states, equal bytes");
        }
        Ok::<_, Infallible>((key.clone(), last))
    });
    new.restore(states).expect("infallible");
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
            let mut at = None;
            match step.split_once(' ') {
                None => fold.evict(&CustomerId::from(VISITOR), &mut out),
                Some(("mark", at)) => mark(&mut fold, time(at), self.grace, &mut out),
                Some((clock, _)) => {
                    at = Some(time(clock));
                    let event = self.record(number, step, &names);
                    fold.apply(Event::from(&event), &mut out);
                }
            }
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
            customer_id: CustomerId::from(VISITOR),
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
        ("consenting", purposes) => {
            event.consent.purposes = purposes.split('+').map(Text::from).collect()
        }
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
