//! One member, checked: its type, its length, no null byte. Messages name the member and what is wrong, never its value.

use std::{borrow::Cow, fmt};

use journey::Timestamp;

use crate::{
    json::Scalar,
    reason::{Flaw, RejectReason},
};

/// Text; an empty one is as good as none.
pub(crate) fn text<'s>(
    field: &'static str,
    scalar: &'s Scalar<'_>,
    most: usize,
) -> Result<Option<&'s str>, Flaw> {
    text_within(field, scalar, most, RejectReason::ValueTooLong)
}

/// Text, with a reason of its own where it is too long.
pub(crate) fn text_within<'s>(
    field: &'static str,
    scalar: &'s Scalar<'_>,
    most: usize,
    too_long: RejectReason,
) -> Result<Option<&'s str>, Flaw> {
    match scalar {
        Scalar::Absent | Scalar::Null => Ok(None),
        Scalar::Text(text) if text.is_empty() => Ok(None),
        // JSON can hold a null byte only escaped, and what was escaped is not borrowed.
        Scalar::Text(Cow::Borrowed(text)) => {
            check_length(&field, text, most, too_long)?;
            Ok(Some(text))
        }
        Scalar::Text(text) => {
            check(&field, text, most, too_long)?;
            Ok(Some(text))
        }
        other => Err(wrong_type(field, kind(other), "text")),
    }
}

/// Whether the text is within its length and holds no null byte.
pub(crate) fn check(
    field: &dyn fmt::Display,
    text: &str,
    most: usize,
    too_long: RejectReason,
) -> Result<(), Flaw> {
    check_length(field, text, most, too_long)?;
    if text.as_bytes().contains(&0) {
        return Err(Flaw::new(
            RejectReason::NullByte,
            format!("`{field}` holds a null byte"),
        ));
    }
    Ok(())
}

fn check_length(
    field: &dyn fmt::Display,
    text: &str,
    most: usize,
    too_long: RejectReason,
) -> Result<(), Flaw> {
    if text.len() > most {
        let what = format!("`{field}` has {} bytes, {most} are allowed", text.len());
        return Err(Flaw::new(too_long, what));
    }
    Ok(())
}

/// Text that must be there.
pub(crate) fn required<'s>(
    field: &'static str,
    scalar: &'s Scalar<'_>,
    most: usize,
    missing: RejectReason,
) -> Result<&'s str, Flaw> {
    text(field, scalar, most)?.ok_or_else(|| Flaw::new(missing, format!("`{field}` is missing")))
}

/// `true` or `false`.
pub(crate) fn boolean(field: &'static str, scalar: &Scalar<'_>) -> Result<Option<bool>, Flaw> {
    match scalar {
        Scalar::Absent | Scalar::Null => Ok(None),
        Scalar::Boolean(value) => Ok(Some(*value)),
        other => Err(wrong_type(field, kind(other), "a boolean")),
    }
}

/// A number that is neither negative nor more than `most`, rounded to a whole one.
pub(crate) fn count(
    field: &'static str,
    scalar: &Scalar<'_>,
    most: i64,
) -> Result<Option<i64>, Flaw> {
    let value = match scalar {
        Scalar::Absent | Scalar::Null => return Ok(None),
        Scalar::Integer(value) => *value,
        Scalar::Number(value) if (0.0..9.0e15).contains(value) => value.round() as i64,
        Scalar::Number(_) => -1,
        other => return Err(wrong_type(field, kind(other), "a number")),
    };
    if !(0..=most).contains(&value) {
        let what = format!("`{field}` is out of range: it goes from 0 to {most}");
        return Err(Flaw::new(RejectReason::InvalidNumber, what));
    }
    Ok(Some(value))
}

/// An RFC 3339 date.
pub(crate) fn date(field: &'static str, scalar: &Scalar<'_>) -> Result<Option<Timestamp>, Flaw> {
    let Some(text) = text(field, scalar, DATE_BYTES)? else {
        return Ok(None);
    };
    let invalid = || {
        Flaw::new(
            RejectReason::InvalidDate,
            format!("`{field}` is no date like 2026-11-23T14:00:00.000Z"),
        )
    };
    Timestamp::parse(text).map(Some).ok_or_else(invalid)
}

/// A date that must be there: `createdDate`.
pub(crate) fn required_date(field: &'static str, scalar: &Scalar<'_>) -> Result<Timestamp, Flaw> {
    let missing = || {
        Flaw::new(
            RejectReason::MissingCreatedDate,
            format!("`{field}` is missing"),
        )
    };
    date(field, scalar)?.ok_or_else(missing)
}

/// Longer than any date.
const DATE_BYTES: usize = 64;

/// A member that is no object or list of texts where one is due.
pub(crate) fn expect(field: &str, wrong: Option<&'static str>, due: &str) -> Result<(), Flaw> {
    match wrong {
        None => Ok(()),
        Some(kind) => Err(wrong_type(field, kind, due)),
    }
}

/// A member that came twice.
pub(crate) fn once(within: &str, duplicate: Option<&'static str>) -> Result<(), Flaw> {
    match duplicate {
        None => Ok(()),
        Some(name) => Err(Flaw::new(
            RejectReason::DuplicateKey,
            format!("`{within}{name}` comes twice"),
        )),
    }
}

pub(crate) fn wrong_type(field: &str, kind: &str, due: &str) -> Flaw {
    Flaw::new(
        RejectReason::WrongType,
        format!("`{field}` is {kind}, not {due}"),
    )
}

pub(crate) fn kind(scalar: &Scalar<'_>) -> &'static str {
    match scalar {
        Scalar::Absent | Scalar::Null => "null",
        Scalar::Text(_) => "text",
        Scalar::Boolean(_) => "a boolean",
        Scalar::Integer(_) | Scalar::Number(_) => "a number",
        Scalar::Wrong(kind) => kind,
    }
}

/// A name of an attribute (`[A-Za-z_][A-Za-z0-9_.-]*`).
pub fn is_attribute_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = |b: u8| b.is_ascii_alphabetic() || b == b'_';
    bytes.next().is_some_and(first)
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// A name of an event (`[A-Za-z0-9_][A-Za-z0-9_.:-]*`): what Genesys documents, what its configurations hold
/// (`promo:interest`), and what attributes may be called.
pub(crate) fn is_event_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    let first = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    bytes.next().is_some_and(first)
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b':'))
}

/// A deployment's id: printable, without spaces.
pub(crate) fn is_deployment_id(id: &str, most: usize) -> bool {
    (1..=most).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic())
}
