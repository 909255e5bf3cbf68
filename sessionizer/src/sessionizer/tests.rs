use journey::{
    Millis, Text, Visit, WebEvent,
    web_event::{Activity, Consent, control_action},
};

use super::*;

fn sessionizer() -> Sessionizer {
    let mut sessionizer = Sessionizer::new(TaskContext {
        input: 0,
        partition: 0,
        partition_count: 1,
    });
    sessionizer
        .learn(7, WebEvent::SCHEMA)
        .expect("our own schema");
    sessionizer
}

fn decode(value: Option<&[u8]>) -> Result<Event, Refusal> {
    let record = Record {
        topic: topics::WEB_EVENTS,
        partition: 0,
        offset: 0,
        received_at: Timestamp(0),
        first_received_at: Timestamp(0),
        key: None,
        value,
    };
    sessionizer().decode(&record)
}

fn framed(id: u32, event: &WebEvent) -> Vec<u8> {
    let mut bytes = Vec::new();
    schemas::frame(id, &mut bytes);
    bytes.extend(schemas::to_bytes(event));
    bytes
}

#[test]
fn what_cannot_be_read_is_refused_with_its_reason() {
    let event = WebEvent {
        web_event: Some(Activity::default()),
        ..WebEvent::default()
    };
    assert_eq!(decode(Some(&framed(7, &event))), Ok(Event::from(&event)));
    assert_eq!(
        decode(Some(&framed(8, &event))),
        Err(Refusal::UnknownSchema(8))
    );
    let mut cut = framed(7, &event);
    cut.pop();
    for (value, reason) in [
        (None, "empty"),
        (Some(&b"{}"[..]), "not_framed"),
        (Some(&cut[..]), "malformed"),
        (Some(&framed(7, &WebEvent::default())[..]), "incomplete"),
    ] {
        match decode(value) {
            Err(Refusal::Rejected(rejection)) => assert_eq!(rejection.reason, reason),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_visit_id_is_a_function_of_the_first_record() {
    let id = |event: &str, at: i64| {
        let event = WebEvent {
            event_id: event.into(),
            occurred_at: Timestamp(at),
            web_event: Some(Activity::default()),
            ..WebEvent::default()
        };
        let key = CustomerId::from("k1.visitor");
        let state = sessionizer().apply(
            &TaskTime::UNKNOWN,
            &key,
            None,
            Event::from(&event),
            &mut Vec::new(),
        );
        state
            .expect("a visit is open")
            .spoken_of(None)
            .map(|visit| visit.visit.id.clone())
    };
    assert_eq!(id("e1", 5), id("e1", 5));
    assert_ne!(id("e1", 5), id("e2", 5));
    assert_ne!(id("e1", 5), id("e1", 6));
}

#[test]
fn a_visitor_who_is_let_go_at_the_state_limit_has_every_visit_ended_where_it_is() {
    let key = CustomerId::from("k1.visitor");
    let hour = 3_600_000;
    let (mut state, mut out) = (None, Vec::new());
    for (event, at) in [("e1", hour), ("e2", hour + 7), ("e3", 2 * hour)] {
        let event = WebEvent {
            event_id: event.into(),
            occurred_at: Timestamp(at),
            web_event: Some(Activity::default()),
            ..WebEvent::default()
        };
        let time = TaskTime::UNKNOWN;
        state = sessionizer().apply(&time, &key, state, Event::from(&event), &mut out);
    }
    let state = state.expect("two visits are open");
    assert_eq!(sessionizer().silent_since(&state), Timestamp(2 * hour));
    out.clear();
    sessionizer().evict(&TaskTime::UNKNOWN, &key, state, &mut out);
    let ended = out.iter().map(|output| match output {
        Output::Visit(happening) => {
            let visit = happening.visit.as_ref().expect("the visit");
            (happening.kind, happening.reason, visit.ended)
        }
        other => panic!("{other:?}"),
    });
    let limit = end_reason::LIMIT;
    let expected =
        [hour + 7, 2 * hour].map(|at| (kind::ENDED, Some(limit), Some((Timestamp(at), limit))));
    assert_eq!(ended.collect::<Vec<_>>(), expected);
}

fn texts(words: &[&str]) -> Vec<Text> {
    words.iter().map(|word| Text::from(*word)).collect()
}

/// A page at this time, by a visitor whose consent is for these purposes.
fn consented(at: i64, purposes: &[&str]) -> WebEvent {
    WebEvent {
        event_id: at.to_string().into(),
        occurred_at: Timestamp(at),
        consent: Consent {
            state: "granted".into(),
            purposes: texts(purposes),
            ..Consent::default()
        },
        web_event: Some(Activity::default()),
        ..WebEvent::default()
    }
}

fn withdrawn(at: i64, purposes: &[&str]) -> WebEvent {
    WebEvent {
        control: Some(Control {
            action: control_action::CONSENT_WITHDRAWN.into(),
            purposes: texts(purposes),
        }),
        web_event: None,
        ..consented(at, &[])
    }
}

/// What the last record says that the visit's consent is for, and whether the visit is open.
fn left_after(events: &[WebEvent]) -> (VisitEvent, bool) {
    let sessionizer = sessionizer();
    let key = CustomerId::from("k1.visitor");
    let mut out = Vec::new();
    let state = events.iter().fold(None, |state, event| {
        let event = Event::from(event);
        sessionizer.apply(&TaskTime::UNKNOWN, &key, state, event, &mut out)
    });
    let Some(Output::Visit(told)) = out.last() else {
        panic!("nothing is told")
    };
    let open = state.is_some_and(|visitor| !visitor.is_at_rest());
    (told.record(&key).expect("a record"), open)
}

#[test]
fn consent_that_is_withdrawn_for_other_purposes_is_for_the_others_from_then_on() {
    for (listed, withdrawn_of, left) in [
        (
            &[][..],
            &["personalisation"][..],
            &["visits", "staffing", "contact"][..],
        ),
        (
            &["contact", "visits"],
            &["contact", "staffing"],
            &["visits"],
        ),
        (&["contact"], &["contact"], &["visits"]),
    ] {
        let (told, open) = left_after(&[consented(1, listed), withdrawn(2, withdrawn_of)]);
        assert!(open);
        assert_eq!(told.kind, kind::CONTROL);
        assert_eq!(told.visit.expect("the visit").consent.purposes, texts(left));
    }
}

#[test]
fn what_is_older_than_a_withdrawal_gives_no_consent_back() {
    let all = ["visits", "personalisation", "staffing"];
    let left = |after: WebEvent| {
        let before = [consented(10, &all), withdrawn(30, &["personalisation"])];
        let again = withdrawn(20, &["staffing"]);
        let (told, open) = left_after(&[&before[..], &[again, after]].concat());
        assert!(open);
        let visit = told.visit.expect("the visit");
        visit.consent.purposes
    };
    assert_eq!(left(consented(25, &all)), texts(&["visits"]));
    assert_eq!(left(consented(30, &all)), texts(&["visits"]));
    assert_eq!(left(consented(31, &all)), texts(&all), "it says anew");
}

/// What a visitor's consent is for, until personalisation is withdrawn.
const ALL: [&str; 3] = ["visits", "personalisation", "staffing"];

/// The visit of the last of these events, each of a minute and for some purposes, that come after the withdrawal.
fn after_a_withdrawal(after: &[(i64, &[&str])]) -> Visit {
    let minutes = |n: i64| n * 60_000;
    let first = [
        consented(0, &ALL),
        withdrawn(minutes(30), &["personalisation"]),
    ];
    let after = after.iter();
    let after = after.map(|(at, purposes)| consented(minutes(*at), purposes));
    let events: Vec<_> = first.into_iter().chain(after).collect();
    left_after(&events).0.visit.expect("the visit")
}

#[test]
fn what_began_before_a_withdrawal_and_came_after_it_gives_no_consent_back_either() {
    let left = |after: &[i64]| {
        let after: Vec<(i64, &[&str])> = after.iter().map(|at| (*at, &ALL[..])).collect();
        let visit = after_a_withdrawal(&after);
        (visit.event_count, visit.consent.purposes)
    };
    let narrowed = texts(&["visits", "staffing"]);
    assert_eq!(left(&[25]), (1, narrowed.clone()), "a visit of its own");
    assert_eq!(left(&[25, 15]), (3, narrowed.clone()), "one with it");
    assert_eq!(left(&[15]), (2, narrowed), "or the first one");
    assert_eq!(left(&[25, 35]), (2, texts(&ALL)), "it says anew");
    assert_eq!(left(&[35, 25, 15]), (4, texts(&ALL)));
}

#[test]
fn what_came_after_a_withdrawal_and_was_for_less_is_for_no_more() {
    let left = |after: &[(i64, &[&str])]| after_a_withdrawal(after).consent.purposes;
    let (less, other) = (&["visits"][..], &["contact"][..]);
    let visits = texts(less);
    assert_eq!(left(&[(25, less)]), visits, "a visit of its own");
    assert_eq!(left(&[(15, less)]), visits, "in the first one");
    assert_eq!(left(&[(25, less), (15, &ALL)]), visits, "one with it");
    assert_eq!(left(&[(15, other)]), visits, "its own purpose stays");
    assert_eq!(
        left(&[(15, &[])]),
        texts(&["visits", "staffing"]),
        "for all"
    );
}

#[test]
fn a_withdrawal_is_remembered_until_the_watermark_has_passed_it() {
    let key = CustomerId::from("k1.visitor");
    let known = |watermark: i64, events: &[WebEvent]| {
        let time = TaskTime::new(Timestamp(watermark), Millis(0));
        let state = events.iter().fold(None, |state, event| {
            let event = Event::from(event);
            sessionizer().apply(&time, &key, state, event, &mut Vec::new())
        });
        let known = state.clone().unwrap_or_default().withdrawn.into_iter();
        let known = known.map(|known| (known.at.0, known.purpose.to_string()));
        (known.collect::<Vec<_>>(), state)
    };
    let of = |at: i64, purpose: &str| withdrawn(at, &[purpose]);
    let asked = [of(30, "contact"), of(20, "staffing"), of(25, "staffing")];
    let (all, state) = known(20, &asked);
    let [contact, staffing] = [(30, "contact".to_owned()), (25, "staffing".to_owned())];
    assert_eq!(all, [contact.clone(), staffing]);
    let mut state = state.expect("it is remembered");
    let (deadline, kind) = sessionizer().timers(&state).watermark.expect("for a time");
    assert_eq!(deadline, Timestamp(30));
    assert_eq!(sessionizer().silent_since(&state), Timestamp(30));
    let by = pipeline::By::Watermark;
    state.fire(Timer { deadline, kind, by }, &mut Vec::new());
    assert!(state.is_empty());
    assert_eq!(
        known(30, &asked).0,
        std::slice::from_ref(&contact),
        "the other is past"
    );
    assert_eq!(known(31, &asked).0, [], "nothing older is on time");
    let forgotten = |at| known(0, &[&asked[..], &[withdrawn(at, &[])]].concat()).0;
    assert_eq!(forgotten(25), [contact], "the later one holds");
    assert_eq!(forgotten(30), [], "all that it is held against is gone");
}

#[test]
fn what_tells_of_consent_when_pings_alone_did_gives_none_back() {
    let ping = |at: i64| {
        let mut event = consented(at, &ALL);
        if let Some(activity) = &mut event.web_event {
            activity.event_name = journey::web_event::PING.into();
        }
        event
    };
    let events = [withdrawn(30, &["staffing"]), ping(31), consented(25, &ALL)];
    let visit = left_after(&events).0.visit.expect("the visit");
    assert_eq!(
        visit.consent.purposes,
        texts(&["visits", "personalisation"])
    );
}

#[test]
fn what_keeps_forgotten_events_out_goes_no_sooner_than_a_visitor_as_long_silent() {
    let hour = 3_600_000;
    let state = |events: &[WebEvent]| {
        let (sessionizer, key) = (sessionizer(), CustomerId::from("k1.visitor"));
        let mut out = Vec::new();
        let state = events.iter().fold(None, |state, event| {
            let event = Event::from(event);
            sessionizer.apply(&TaskTime::UNKNOWN, &key, state, event, &mut out)
        });
        state.expect("something is remembered")
    };
    let forgotten = state(&[consented(hour, &[]), withdrawn(2 * hour, &[])]);
    assert!(forgotten.is_at_rest());
    assert_eq!(sessionizer().silent_since(&forgotten), Timestamp(2 * hour));
    let mut at_rest = state(&[consented(hour, &[])]);
    let visits = std::mem::take(&mut at_rest.visits);
    assert_eq!(visits.len(), 1);
    assert_eq!(sessionizer().silent_since(&at_rest), Timestamp(hour));
}
