//! Dead letters: the cause in headers, the bytes as they came (or, of ingest's, where to find them).

use crate::{
    outbox::{Addresses, Batch, Destination, Origin},
    processor::Rejection,
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
}

/// How often a record with these headers was sent again as a dead letter. What is no number counts as never: on a raw topic
/// anybody may write headers.
pub fn attempts<'h>(mut headers: impl Iterator<Item = (&'h str, &'h [u8])>) -> u32 {
    let header = headers.find(|(name, _)| *name == header::ATTEMPTS);
    let text = header.and_then(|(_, value)| std::str::from_utf8(value).ok());
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

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
    /// How often the record was sent again before.
    pub attempts: u32,
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
            attempts: attempts(headers),
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
    let attempts = origin.attempts.to_string();
    if origin.attempts > 0 {
        headers.push((header::ATTEMPTS, attempts.as_bytes()));
    }
    let kept = |bytes: Option<&[u8]>| {
        bytes
            .filter(|_| addresses.dead_letter_bytes)
            .map(<[u8]>::to_vec)
    };
    let (key, value) = (kept(origin.key), kept(origin.value));
    let write = |bytes: &Option<Vec<u8>>| {
        let bytes = bytes.clone();
        bytes.map(|bytes| move |to: &mut Vec<u8>| to.extend_from_slice(&bytes))
    };
    let (key, value) = (write(&key), write(&value));
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
    fn what_a_stranger_writes_as_attempts_counts_as_none() {
        let of = |value: &[u8]| attempts([("x", &b"9"[..]), (header::ATTEMPTS, value)].into_iter());
        assert_eq!(of(b"2"), 2);
        for value in [&b""[..], b"-1", b"two", b"\xff", b"99999999999999999999"] {
            assert_eq!(of(value), 0, "{value:?}");
        }
        assert_eq!(attempts([("x", &b"9"[..])].into_iter()), 0);
    }
}
