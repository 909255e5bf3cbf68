//! How a visitor's state is written: small, and equal states in equal bytes.
//!
//! What can be computed is left out, what stands twice is written once, and times are written as distances.

use std::sync::Arc;

use journey::{
    Text, Timestamp,
    visit::FormUse,
    web_event::{Browser, Consent, Device, Geolocation, MktCampaign, Referrer},
};
use schemas::{Avro, Malformed, avro::Reader, record};

use crate::{
    ending::Stub,
    forms::Forms,
    moment::Moment,
    open_visit::OpenVisit,
    page::{read_page, write_page},
    so_far::{Kept, Part, Presence, VisitSoFar},
    stay::Stay,
    told::Told,
    visitor::Visitor,
};

record!(Stub {
    first,
    last,
    timeout
});

impl Avro for Visitor {
    fn write(&self, to: &mut Vec<u8>) {
        let Visitor {
            visits,
            stubs,
            forgotten,
            lifetime,
            rate,
        } = self;
        visits.write(to);
        stubs.write(to);
        forgotten.write(to);
        lifetime.write(to);
        rate.write(to);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let mut visitor = Visitor {
            visits: Avro::read(from)?,
            stubs: Avro::read(from)?,
            forgotten: Avro::read(from)?,
            lifetime: Avro::read(from)?,
            rate: Avro::read(from)?,
        };
        visitor.share_totals();
        Ok(visitor)
    }
}

impl Avro for Presence {
    fn write(&self, to: &mut Vec<u8>) {
        to.push(match self {
            Presence::Active => 0,
            Presence::Idle => 1,
            Presence::Away => 2,
        });
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        match from.byte()? {
            0 => Ok(Presence::Active),
            1 => Ok(Presence::Idle),
            2 => Ok(Presence::Away),
            _ => Err(Malformed::Branch),
        }
    }
}

impl Avro for OpenVisit {
    fn write(&self, to: &mut Vec<u8>) {
        let OpenVisit {
            deployment_id,
            visit,
            first,
            last,
            told,
            searched,
            forms,
            stay,
            last_transition,
            floor,
            sealed,
            seen,
        } = self;
        let zero = visit.created_date;
        deployment_id.write(to);
        write_visit(visit, to);
        visit.presence.write(to);
        write_moment(first, zero, to);
        (last == first).write(to);
        if last != first {
            write_moment(last, zero, to);
        }
        for moment in &told.0 {
            write_told(moment, first, last, zero, to);
        }
        searched.iter().for_each(|at| since(*at, zero).write(to));
        write_times(&forms.firsts, zero, to);
        write_stay(stay, zero, to);
        since(*last_transition, zero).write(to);
        floor.write(to);
        sealed.map(|at| since(at, zero)).write(to);
        seen.write(to);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let deployment_id = Avro::read(from)?;
        let mut visit = read_visit(from)?;
        visit.presence = Presence::read(from)?;
        let zero = visit.created_date;
        let first = read_moment(zero, from)?;
        let last = if bool::read(from)? {
            first.clone()
        } else {
            read_moment(zero, from)?
        };
        let mut told = Told::default();
        for moment in &mut told.0 {
            *moment = read_told(&first, &last, zero, from)?;
        }
        let terms = schemas::from_bytes::<Vec<Text>>(visit.kept.get(Part::SearchTerms))?;
        let searched = terms.iter().map(|_| read_since(zero, from));
        let searched = searched.collect::<Result<_, _>>()?;
        let forms = Forms {
            firsts: read_times(zero, from)?,
        };
        let stay = read_stay(zero, from)?;
        visit.last_page_date = stay.since(last.at);
        Ok(OpenVisit {
            deployment_id,
            visit,
            first,
            last,
            told,
            searched,
            forms,
            stay,
            last_transition: read_since(zero, from)?,
            floor: Avro::read(from)?,
            sealed: Option::<i64>::read(from)?
                .map(|distance| Timestamp(zero.0.wrapping_add(distance))),
            seen: Avro::read(from)?,
        })
    }
}

/// The visit itself; its presence, its last page's date and the visitor's totals stand beside it, and an open visit has not ended.
fn write_visit(visit: &VisitSoFar, to: &mut Vec<u8>) {
    let VisitSoFar {
        id,
        policy,
        created_date,
        last_activity_date,
        last_event_date,
        last_page_date: _,
        ended: _,
        presence: _,
        event_count,
        pageview_count,
        ping_count,
        late_count,
        kept,
        page_class,
        bot,
        authenticated,
        truncated,
        number,
        totals: _,
        engaged,
        search_count,
        form_submitted_count,
        form_abandoned_count,
    } = visit;
    id.write(to);
    policy.write(to);
    created_date.write(to);
    since(*last_activity_date, *created_date).write(to);
    since(*last_event_date, *created_date).write(to);
    [event_count, pageview_count, ping_count, late_count]
        .into_iter()
        .for_each(|count| count.write(to));
    to.extend_from_slice(kept.get(Part::SearchTerms));
    let (first, last) = (kept.get(Part::FirstPage), kept.get(Part::LastPage));
    write_page(first, to);
    (last == first).write(to);
    if last != first {
        write_page(last, to);
    }
    to.extend_from_slice(kept.from(Part::Browser));
    page_class.write(to);
    [bot, authenticated, truncated]
        .into_iter()
        .for_each(|flag| flag.write(to));
    [
        number,
        &engaged.0,
        search_count,
        form_submitted_count,
        form_abandoned_count,
    ]
    .into_iter()
    .for_each(|count| count.write(to));
}

fn read_visit(from: &mut Reader<'_>) -> Result<VisitSoFar, Malformed> {
    let mut visit = VisitSoFar {
        id: Avro::read(from)?,
        policy: Avro::read(from)?,
        ..VisitSoFar::default()
    };
    visit.created_date = Avro::read(from)?;
    visit.last_activity_date = read_since(visit.created_date, from)?;
    visit.last_event_date = read_since(visit.created_date, from)?;
    visit.event_count = Avro::read(from)?;
    visit.pageview_count = Avro::read(from)?;
    visit.ping_count = Avro::read(from)?;
    visit.late_count = Avro::read(from)?;
    visit.kept = Arc::new(read_kept(from)?);
    visit.page_class = Avro::read(from)?;
    visit.bot = Avro::read(from)?;
    visit.authenticated = Avro::read(from)?;
    visit.truncated = Avro::read(from)?;
    visit.number = Avro::read(from)?;
    visit.engaged = Avro::read(from)?;
    visit.search_count = Avro::read(from)?;
    visit.form_submitted_count = Avro::read(from)?;
    visit.form_abandoned_count = Avro::read(from)?;
    Ok(visit)
}

fn read_kept(from: &mut Reader<'_>) -> Result<Kept, Malformed> {
    let search_terms = from.encoded::<Vec<Text>>()?;
    let (mut first, mut last) = (Vec::new(), Vec::new());
    read_page(from, &mut first)?;
    if bool::read(from)? {
        last.clone_from(&first);
    } else {
        read_page(from, &mut last)?;
    }
    Ok(Kept::new([
        search_terms,
        &first,
        &last,
        from.encoded::<Option<Browser>>()?,
        from.encoded::<Option<Device>>()?,
        from.encoded::<Option<Geolocation>>()?,
        from.encoded::<Option<Text>>()?,
        from.encoded::<Option<Referrer>>()?,
        from.encoded::<Option<MktCampaign>>()?,
        from.encoded::<Consent>()?,
        from.encoded::<Option<Text>>()?,
        from.encoded::<Vec<FormUse>>()?,
    ]))
}

fn write_moment(moment: &Moment, zero: Timestamp, to: &mut Vec<u8>) {
    let Moment { ping, at, id } = moment;
    ping.write(to);
    since(*at, zero).write(to);
    id.write(to);
}

fn read_moment(zero: Timestamp, from: &mut Reader<'_>) -> Result<Moment, Malformed> {
    Ok(Moment {
        ping: Avro::read(from)?,
        at: read_since(zero, from)?,
        id: Avro::read(from)?,
    })
}

/// Nobody (0), the visit's first event (1), its last (2), or another (3).
fn write_told(
    told: &Option<Moment>,
    first: &Moment,
    last: &Moment,
    zero: Timestamp,
    to: &mut Vec<u8>,
) {
    match told {
        None => to.push(0),
        Some(moment) if moment == first => to.push(1),
        Some(moment) if moment == last => to.push(2),
        Some(moment) => {
            to.push(3);
            write_moment(moment, zero, to);
        }
    }
}

fn read_told(
    first: &Moment,
    last: &Moment,
    zero: Timestamp,
    from: &mut Reader<'_>,
) -> Result<Option<Moment>, Malformed> {
    match from.byte()? {
        0 => Ok(None),
        1 => Ok(Some(first.clone())),
        2 => Ok(Some(last.clone())),
        3 => read_moment(zero, from).map(Some),
        _ => Err(Malformed::Branch),
    }
}

fn write_stay(stay: &Stay, zero: Timestamp, to: &mut Vec<u8>) {
    let Stay { left, times } = stay;
    left.map(|at| since(at, zero)).write(to);
    write_times(times, zero, to);
}

fn read_stay(zero: Timestamp, from: &mut Reader<'_>) -> Result<Stay, Malformed> {
    let left = Option::<i64>::read(from)?;
    Ok(Stay {
        left: left.map(|distance| Timestamp(zero.0.wrapping_add(distance))),
        times: read_times(zero, from)?,
    })
}

/// A count; then for each the time since the one before.
fn write_times(times: &[Timestamp], zero: Timestamp, to: &mut Vec<u8>) {
    (times.len() as i64).write(to);
    let mut before = zero;
    for at in times {
        since(*at, before).write(to);
        before = *at;
    }
}

fn read_times(zero: Timestamp, from: &mut Reader<'_>) -> Result<Vec<Timestamp>, Malformed> {
    let count = i64::read(from)?;
    let mut before = zero;
    let times = (0..count).map(|_| {
        before = read_since(before, from)?;
        Ok(before)
    });
    times.collect()
}

/// A time as its distance from another; any two times have one.
fn since(at: Timestamp, zero: Timestamp) -> i64 {
    at.0.wrapping_sub(zero.0)
}

fn read_since(zero: Timestamp, from: &mut Reader<'_>) -> Result<Timestamp, Malformed> {
    i64::read(from).map(|distance| Timestamp(zero.0.wrapping_add(distance)))
}

#[cfg(test)]
mod tests;
