//! Ids, moments and times: what the rest of a state is made of.

use journey::{EventId, Text, Timestamp};
use schemas::{Avro, Malformed, avro::Reader};

use super::{Format, packed};
use crate::{moment::Moment, shared::Shared, stay::Stay};

pub(super) fn write_id(id: &Text, format: Format, to: &mut Vec<u8>) {
    match format {
        Format::Plain => id.write(to),
        Format::Packed => packed::write_id(id, to),
    }
}

pub(super) fn read_id(format: Format, from: &mut Reader<'_>) -> Result<Text, Malformed> {
    match format {
        Format::Plain => Avro::read(from),
        Format::Packed => packed::read_id(from),
    }
}

pub(super) fn write_moment(moment: &Moment, zero: Timestamp, format: Format, to: &mut Vec<u8>) {
    let Moment { ping, at, id } = moment;
    ping.write(to);
    since(*at, zero).write(to);
    write_id(&id.0, format, to);
}

pub(super) fn read_moment(
    zero: Timestamp,
    format: Format,
    from: &mut Reader<'_>,
) -> Result<Shared<Moment>, Malformed> {
    let moment = Moment {
        ping: Avro::read(from)?,
        at: read_since(zero, from)?,
        id: EventId(read_id(format, from)?),
    };
    Ok(moment.into())
}

/// Nobody (0), the visit's first event (1), its last (2), or another (3).
pub(super) fn write_told(
    told: &Option<Shared<Moment>>,
    [first, last]: [&Shared<Moment>; 2],
    zero: Timestamp,
    format: Format,
    to: &mut Vec<u8>,
) {
    match told {
        None => to.push(0),
        Some(moment) if moment == first => to.push(1),
        Some(moment) if moment == last => to.push(2),
        Some(moment) => {
            to.push(3);
            write_moment(moment, zero, format, to);
        }
    }
}

pub(super) fn read_told(
    [first, last]: [&Shared<Moment>; 2],
    zero: Timestamp,
    format: Format,
    from: &mut Reader<'_>,
) -> Result<Option<Shared<Moment>>, Malformed> {
    match from.byte()? {
        0 => Ok(None),
        1 => Ok(Some(first.clone())),
        2 => Ok(Some(last.clone())),
        3 => read_moment(zero, format, from).map(Some),
        _ => Err(Malformed::Branch),
    }
}

pub(super) fn write_stay(stay: &Stay, zero: Timestamp, to: &mut Vec<u8>) {
    let Stay { left, times } = stay;
    left.map(|at| since(at, zero)).write(to);
    write_times(times, zero, to);
}

pub(super) fn read_stay(zero: Timestamp, from: &mut Reader<'_>) -> Result<Stay, Malformed> {
    let left = Option::<i64>::read(from)?;
    Ok(Stay {
        left: left.map(|distance| Timestamp(zero.0.wrapping_add(distance))),
        times: read_times(zero, from)?,
    })
}

/// A count; then for each the time since the one before.
pub(super) fn write_times(times: &[Timestamp], zero: Timestamp, to: &mut Vec<u8>) {
    (times.len() as i64).write(to);
    let mut before = zero;
    for at in times {
        since(*at, before).write(to);
        before = *at;
    }
}

pub(super) fn read_times(
    zero: Timestamp,
    from: &mut Reader<'_>,
) -> Result<Vec<Timestamp>, Malformed> {
    let count = i64::read(from)?;
    let mut before = zero;
    let times = (0..count).map(|_| {
        before = read_since(before, from)?;
        Ok(before)
    });
    times.collect()
}

/// A time as its distance from another; any two times have one.
pub(super) fn since(at: Timestamp, zero: Timestamp) -> i64 {
    at.0.wrapping_sub(zero.0)
}

pub(super) fn read_since(zero: Timestamp, from: &mut Reader<'_>) -> Result<Timestamp, Malformed> {
    i64::read(from).map(|distance| Timestamp(zero.0.wrapping_add(distance)))
}
