//! What became of offers.

use ingest::VisitorKeys;
use journey::{WebEvent, web_event::Engagement};
use pipeline::Refusal;

use crate::{at, decode, report, stage};

fn accepted(members: &str) -> WebEvent {
    decode(&mut stage(1), report(members).as_bytes())
        .unwrap_or_else(|refusal| panic!("{members}: {refusal:?}"))
        .event
}

fn engagement(members: &str) -> Engagement {
    accepted(members).engagement.expect("a report")
}

#[test]
fn a_report_becomes_an_engagement() {
    let event = accepted(
        r#""sessionId":"s1","conversationId":"v1","actionState":"completed","handleTimeSeconds":312.5"#,
    );
    assert_eq!(
        (&*event.kind, event.event_id.as_str()),
        ("engagement", "r1")
    );
    assert_eq!(
        event.customer_id,
        VisitorKeys::development().customer_id("shop", "c1")
    );
    assert_eq!(event.occurred_at, at("2026-11-23T14:00:00.000Z"));
    assert!(event.web_event.is_none() && event.control.is_none());
    let report = event.engagement.expect("a report");
    assert_eq!(
        (&*report.offer_id, &*report.action_state),
        ("o1", "completed")
    );
    assert_eq!(
        (
            report.session_id.as_deref(),
            report.conversation_id.as_deref()
        ),
        (Some("s1"), Some("v1"))
    );
    assert_eq!(report.handle_time_seconds, Some(313));
}

#[test]
fn nobody_handles_a_chat_for_more_than_a_week() {
    let week = 7 * 24 * 60 * 60;
    let handled = engagement(&format!(r#""handleTimeSeconds":{week}"#));
    assert_eq!(handled.handle_time_seconds, Some(week));
    for longer in ["604801", "604800.6", "312000000"] {
        let bytes = report(&format!(r#""handleTimeSeconds":{longer}"#));
        let Err(Refusal::Rejected(rejection)) = decode(&mut stage(1), bytes.as_bytes()) else {
            panic!("{longer} is taken");
        };
        assert_eq!(rejection.reason, "invalid_number", "{longer}");
        let message = &rejection.message;
        assert!(message.contains("`handleTimeSeconds`"), "{message}");
    }
}

#[test]
fn genesys_calls_the_offer_an_action() {
    assert_eq!(
        engagement(r#""offerId":null,"actionId":"a1""#).offer_id,
        "a1"
    );
    assert_eq!(engagement(r#""actionId":"o1""#).offer_id, "o1");
}

#[test]
fn a_visitor_is_named_by_id_or_cookie_or_both() {
    let id = VisitorKeys::development().customer_id("shop", "c1");
    let by_id = format!(r#""customerCookieId":null,"customerId":"{id}""#);
    assert_eq!(accepted(&by_id).customer_id, id);
    assert_eq!(accepted(&format!(r#""customerId":"{id}""#)).customer_id, id);
}

#[test]
fn an_error_message_is_scrubbed() {
    let report = engagement(
        r#""actionState":"errored","errorCode":"E1","errorMessage":"no such user jane@example.com""#,
    );
    assert_eq!(report.error_code.as_deref(), Some("E1"));
    assert_eq!(
        report.error_message.as_deref(),
        Some("no such user [email]")
    );
}

#[test]
fn a_report_without_an_id_gets_one_of_what_it_says() {
    let id = |members: &str| accepted(&format!(r#""eventId":null,{members}"#)).event_id;
    assert_eq!(id(r#""x":1"#), id(r#""x":2"#));
    assert_ne!(id(r#""x":1"#), id(r#""actionState":"rejected""#));
    assert_ne!(id(r#""x":1"#), id(r#""offerId":"o2""#));
}
