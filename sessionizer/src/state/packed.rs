//! What the second format of a state says in fewer bytes than the first: ids, and the rules of a visit.

use journey::{Millis, Text, web_event::Policy};
use schemas::{
    Avro, Malformed,
    avro::{Reader, write_long, write_str},
};

/// Stands where the length of an id would, before the 16 bytes of a UUID.
const UUID: i64 = -1;

/// The rules of which only those are written that differ. Part of the format: never to be changed, whatever becomes of
/// [`Policy::default`].
const USUAL: Policy = Policy {
    visit_timeout: Millis::from_mins(20),
    idle_after: Millis::from_secs(45),
    away_after: Millis::from_secs(60),
    pings_extend: true,
    split_on_source: false,
    max_duration: Millis::from_mins(24 * 60),
    max_events: 10_000,
    serve_bots: false,
    bot_rate_events: 300,
    bot_rate_window: Millis::from_secs(10),
};

/// A UUID in its 16 bytes, any other id as it is.
pub(crate) fn write_id(id: &Text, to: &mut Vec<u8>) {
    match uuid(id) {
        Some(bytes) => {
            write_long(UUID, to);
            to.extend_from_slice(&bytes);
        }
        None => write_str(id, to),
    }
}

pub(crate) fn read_id(from: &mut Reader<'_>) -> Result<Text, Malformed> {
    let length = from.long()?;
    if length == UUID {
        return Ok(Text::from(hyphenated(from.bytes(16)?)));
    }
    let length = usize::try_from(length).map_err(|_| Malformed::Length)?;
    let text = std::str::from_utf8(from.bytes(length)?).map_err(|_| Malformed::Utf8)?;
    Ok(Text::from(text))
}

/// Whether the rules are the usual ones; all of them if not.
pub(crate) fn write_policy(policy: &Policy, to: &mut Vec<u8>) {
    let usual = *policy == USUAL;
    usual.write(to);
    if !usual {
        policy.write(to);
    }
}

pub(crate) fn read_policy(from: &mut Reader<'_>) -> Result<Policy, Malformed> {
    if bool::read(from)? {
        Ok(USUAL)
    } else {
        Policy::read(from)
    }
}

/// The bytes of a UUID that reads back as it was: hyphens where they belong, and no capitals.
fn uuid(id: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let digits: Vec<u8> = id.bytes().filter(|byte| *byte != b'-').collect();
    if digits.len() != 32 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = (digit(pair[0])? * 16 + digit(pair[1])?) as u8;
    }
    (hyphenated(&bytes) == id).then_some(bytes)
}

fn hyphenated(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(36);
    for (place, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&place) {
            text.push('-');
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_and_a_uuid_takes_17_bytes() {
        let uuid = "eae02b3e-dbb9-5f0c-b48e-27da56259dd3";
        for (id, length) in [
            (uuid, 17),
            ("", 1),
            ("e1", 3),
            (&*uuid.to_uppercase(), 37),
            (&*uuid.replace("-", ""), 33),
            ("eae02b3edbb9-5f0c-b48e-27da5-6259dd3", 37),
            ("ö", 3),
        ] {
            let mut bytes = Vec::new();
            write_id(&Text::from(id), &mut bytes);
            assert_eq!(bytes.len(), length, "{id}");
            assert_eq!(read_id(&mut Reader::new(&bytes)), Ok(Text::from(id)));
        }
    }

    #[test]
    fn rules_read_back_as_they_were_and_the_usual_ones_take_a_byte() {
        let other = Policy {
            max_events: 7,
            ..USUAL
        };
        for (policy, length) in [(USUAL, 1), (other, 27)] {
            let mut bytes = Vec::new();
            write_policy(&policy, &mut bytes);
            assert!(bytes.len() <= length, "{}", bytes.len());
            assert_eq!(read_policy(&mut Reader::new(&bytes)), Ok(policy));
        }
    }
}
