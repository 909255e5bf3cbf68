//! What a record says of itself in its headers, as CloudEvents' Kafka binding has it (1.0, binary content mode): the value
//! stays as it is, each attribute is a header, `ce_` and its name.

use journey::Timestamp;

use crate::Format;

/// The attributes of one record. Every one is a function of the record, so that a replay writes the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudEvent {
    /// `ce_id`: no two records of one source share it.
    pub id: String,
    /// `ce_source`: who says it, whatever the lane.
    pub source: &'static str,
    /// `ce_type`: from a closed list.
    pub kind: &'static str,
    /// `ce_time`: when it happened, in the time of the data.
    pub time: String,
    /// Of JSON, `content-type` says so. There is no media type for Confluent's frame around Avro, and none is made up.
    pub format: Format,
}

impl CloudEvent {
    /// The attributes of a record that tells what happened at a time.
    pub fn new(
        id: String,
        source: &'static str,
        kind: &'static str,
        time: Timestamp,
        format: Format,
    ) -> CloudEvent {
        CloudEvent {
            id,
            source,
            kind,
            time: time.to_string(),
            format,
        }
    }

    /// As headers, in the order in which they are written.
    pub fn headers(&self) -> Vec<(&'static str, &str)> {
        let mut headers = vec![
            ("ce_specversion", "1.0"),
            ("ce_id", self.id.as_str()),
            ("ce_source", self.source),
            ("ce_type", self.kind),
            ("ce_time", self.time.as_str()),
        ];
        if self.format == Format::Json {
            headers.push(("content-type", "application/json"));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_attribute_that_the_binding_requires_is_a_header() {
        let event = |format| {
            let time = Timestamp::parse("2026-11-23T14:00:00Z").expect("a time");
            CloudEvent::new("o/1".into(), "/footfall/s", "footfall.t", time, format)
        };
        let avro = event(Format::Avro);
        assert_eq!(
            avro.headers(),
            [
                ("ce_specversion", "1.0"),
                ("ce_id", "o/1"),
                ("ce_source", "/footfall/s"),
                ("ce_type", "footfall.t"),
                ("ce_time", "2026-11-23T14:00:00.000Z"),
            ]
        );
        let json = event(Format::Json);
        assert_eq!(json.headers()[..5], avro.headers());
        assert_eq!(json.headers()[5], ("content-type", "application/json"));
    }
}
