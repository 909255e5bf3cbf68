//! Dead letters: the cause in headers, the bytes as they came (or, of ingest's, where to find them).

use std::str::FromStr;

use journey::Timestamp;

use crate::{
    outbox::{Addresses, Batch, Destination, Origin},
    processor::{Rejection, TimeFrom},
};

/// The headers of a dead letter, by name.
pub mod header {
    /// The stage that could not use it.
    pub const STAGE: &str = "dead-letter.stage";
    /// Why, from a closed list.
    pub const REASON: &str = "dead-letter.reason";
    /// Why, in words; never a value of the record.
    pub const MESSAGE: &str = "dead-letter.message";
    /// The topic it stood in, without the lane's prefix.
    pub const TOPIC: &str = "dead-letter.topic";
    /// The partition it stood in.
    pub const PARTITION: &str = "dead-letter.partition";
    /// Its offset there.
    pub const OFFSET: &str = "dead-letter.offset";
    /// The size of its value in bytes.
    pub const SIZE: &str = "dead-letter.size";
    /// Whose it is, as far as known.
    pub const DEPLOYMENT: &str = "dead-letter.deployment";
    /// How often the record was sent again before. Stands on the record that is sent again, too.
    pub const ATTEMPTS: &str = "dead-letter.attempts";
    /// When a raw record was received, the first time if it was sent again: milliseconds since 1970. Stands on the record that is
    /// sent again, too.
    pub const RECEIVED: &str = "dead-letter.received";
}

/// What a record says of the times before, if it was sent again as a dead letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SentBefore {
    /// How often it was.
    pub attempts: u32,
    /// When it was received the first time.
    pub received_at: Option<Timestamp>,
}

impl SentBefore {
    /// Reads the headers of a record. What is no number counts as not said: on a raw topic anybody may write headers.
    pub fn from_headers<'h>(headers: impl Iterator<Item = (&'h [u8], &'h [u8])>) -> SentBefore {
        let mut before = SentBefore::default();
        for (name, value) in headers {
            let text = || std::str::from_utf8(value).ok();
            if name == header::ATTEMPTS.as_bytes() {
                before.attempts = parsed(text()).unwrap_or(0);
            } else if name == header::RECEIVED.as_bytes() {
                before.received_at = parsed(text()).map(Timestamp);
            }
        }
        before
    }

    /// The time of the first arrival, of a record that stands in its topic since `appended_at`.
    pub fn first_received(&self, appended_at: Timestamp) -> Timestamp {
        let said = self.received_at.filter(|_| self.attempts > 0);
        said.map_or(appended_at, |at| at.min(appended_at))
    }
}

fn parsed<T: FromStr>(text: Option<&str>) -> Option<T> {
    text?.parse().ok()
}

/// The most bytes of key and value that a dead letter carries.
const KEPT: usize = 900 * 1024;
/// The longest message a header holds.
const MESSAGE_LIMIT: usize = 500;

/// Where a dead letter came from and why: what its headers say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The stage that could not use it.
    pub stage: String,
    /// Why, from a closed list.
    pub reason: String,
    /// Why, in words.
    pub message: String,
    /// The topic it stood in, without the lane's prefix.
    pub topic: String,
    /// The partition it stood in.
    pub partition: u32,
    /// Its offset there.
    pub offset: i64,
    /// The size of its value in bytes.
    pub size: u64,
    /// Whose it is, as far as known.
    pub deployment: Option<String>,
    /// How often the record was sent again before, and when it was received first; of a letter of an older release not known.
    pub before: SentBefore,
}

impl DeadLetter {
    /// Reads the headers of a dead letter; `None` if one is missing or no number.
    pub fn from_headers<'h>(
        headers: impl Iterator<Item = (&'h str, &'h [u8])> + Clone,
    ) -> Option<DeadLetter> {
        let text = |name: &str| {
            let value = headers.clone().find(|(key, _)| *key == name)?.1;
            std::str::from_utf8(value).ok().map(str::to_owned)
        };
        Some(DeadLetter {
            stage: text(header::STAGE)?,
            reason: text(header::REASON)?,
            message: text(header::MESSAGE)?,
            topic: text(header::TOPIC)?,
            partition: text(header::PARTITION)?.parse().ok()?,
            offset: text(header::OFFSET)?.parse().ok()?,
            size: text(header::SIZE)?.parse().ok()?,
            deployment: text(header::DEPLOYMENT),
            before: SentBefore::from_headers(headers.map(|(name, value)| (name.as_bytes(), value))),
        })
    }
}

/// Appends the dead letter of `origin`.
pub(crate) fn write(
    batch: &mut Batch,
    addresses: &Addresses,
    origin: &Origin<'_>,
    rejection: &Rejection,
) {
    let topology = &addresses.topology;
    let message: String = rejection.message.chars().take(MESSAGE_LIMIT).collect();
    let partition = origin.partition.to_string();
    let offset = origin.offset.to_string();
    let size = origin.value.map_or(0, <[u8]>::len).to_string();
    let mut headers: Vec<(&'static str, &[u8])> = vec![
        (header::STAGE, topology.stage.as_bytes()),
        (header::REASON, rejection.reason.as_bytes()),
        (header::MESSAGE, message.as_bytes()),
        (header::TOPIC, topology.inputs[origin.input].as_bytes()),
        (header::PARTITION, partition.as_bytes()),
        (header::OFFSET, offset.as_bytes()),
        (header::SIZE, size.as_bytes()),
    ];
    if let Some(deployment) = &rejection.deployment {
        headers.push((header::DEPLOYMENT, deployment.as_bytes()));
    }
    let received = origin.first_received_at.0.to_string();
    // A replay is to say the same, and nothing after the raw topics goes by when a record was appended.
    if topology.time_from == TimeFrom::AppendTime {
        headers.push((header::RECEIVED, received.as_bytes()));
    }
    let attempts = origin.attempts.to_string();
    if origin.attempts > 0 {
        headers.push((header::ATTEMPTS, attempts.as_bytes()));
    }
    // What a broker's default refuses would be refused in every attempt: it stands where the headers say, as long as that keeps it.
    let weight = [origin.key, origin.value].map(|bytes| bytes.map_or(0, <[u8]>::len));
    let keeps = addresses.dead_letter_bytes && weight.iter().sum::<usize>() <= KEPT;
    let [key, value] = [origin.key, origin.value].map(|bytes| {
        let bytes = bytes.filter(|_| keeps)?;
        Some(move |to: &mut Vec<u8>| to.extend_from_slice(bytes))
    });
    batch.push(
        Destination::DeadLetter(origin.input),
        origin.partition % addresses.dead_letter_partitions[origin.input],
        key.as_ref().map(|w| w as crate::outbox::Write<'_>),
        value.as_ref().map(|w| w as crate::outbox::Write<'_>),
        headers,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_stranger_writes_as_headers_counts_as_nothing() {
        let of = |name, value: &[u8]| {
            let named = |name: &'static str, value| (name.as_bytes(), value);
            SentBefore::from_headers([named("x", &b"9"[..]), named(name, value)].into_iter())
        };
        assert_eq!(of(header::ATTEMPTS, b"2").attempts, 2);
        assert_eq!(of(header::RECEIVED, b"-5").received_at, Some(Timestamp(-5)));
        for value in [&b""[..], b"-1.", b"two", b"\xff", b"99999999999999999999"] {
            for name in [header::ATTEMPTS, header::RECEIVED] {
                assert_eq!(of(name, value), SentBefore::default(), "{value:?}");
            }
        }
    }

    #[test]
    fn nothing_was_received_first_after_it_was_received() {
        let first = |attempts, received_at: Option<i64>| {
            let received_at = received_at.map(Timestamp);
            let before = SentBefore {
                attempts,
                received_at,
            };
            before.first_received(Timestamp(100)).0
        };
        assert_eq!(first(1, Some(40)), 40);
        assert_eq!(first(1, Some(400)), 100);
        assert_eq!(first(1, None), 100);
        assert_eq!(first(0, Some(40)), 100, "it was not sent again");
    }
}
