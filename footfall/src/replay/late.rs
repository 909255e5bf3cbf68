//! The late events of a log: what stands in it behind the watermark of its partition, as the sessionizer would find, whether
//! that let it join an open visit or refused it.

use std::collections::BTreeMap;

use journey::{TimeMark, WebEvent, mark::Claims};

use super::{partition::LateEvent, source::Source};
use crate::records::Records;

/// Late events by partition, in the order of the log.
pub(super) fn read(
    mut source: Source,
    events: &mut Records<WebEvent>,
) -> anyhow::Result<BTreeMap<u32, Vec<LateEvent>>> {
    let mut claims: BTreeMap<u32, Claims> = BTreeMap::new();
    let mut late: BTreeMap<u32, Vec<LateEvent>> = BTreeMap::new();
    while let Some(record) = source.next()? {
        let claims = claims.entry(record.partition).or_default();
        let Some(value) = &record.value else {
            // A mark that cannot be read is said to be so when the log is copied.
            if let Some(mark) = record
                .mark()
                .and_then(|json| TimeMark::from_json(json).ok())
            {
                claims.take(&mark);
            }
            continue;
        };
        let Some(event) = events.read(value)? else {
            continue;
        };
        if is_late(&event, claims) {
            let late = late.entry(record.partition).or_default();
            late.push(LateEvent {
                occurred_at: event.occurred_at,
                received_at: event.received_at,
                offset: record.offset,
                key: record.key,
                value: value.clone(),
            });
        }
    }
    Ok(late)
}

/// Reports and control records are never late.
fn is_late(event: &WebEvent, claims: &Claims) -> bool {
    event.web_event.is_some() && event.occurred_at < claims.frontier() - claims.grace()
}

#[cfg(test)]
mod tests {
    use journey::{Millis, Timestamp, web_event::Activity};

    use super::*;

    #[test]
    fn late_is_what_a_visitor_did_before_the_watermark() {
        let mut claims = Claims::default();
        let event = |at: i64| WebEvent {
            occurred_at: Timestamp(at),
            web_event: Some(Activity::default()),
            ..WebEvent::default()
        };
        assert!(!is_late(&event(0), &claims), "no time is known yet");
        claims.take(&TimeMark {
            grace: Millis(10),
            sources: vec![("raw".into(), 0, Timestamp(100))],
            of: [("raw".into(), 1)].into(),
            passed: None,
        });
        assert_eq!(
            [89, 90].map(|at| is_late(&event(at), &claims)),
            [true, false]
        );
        let report = WebEvent {
            web_event: None,
            ..event(0)
        };
        assert!(!is_late(&report, &claims));
    }
}
