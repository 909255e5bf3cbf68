//! How a visitor's state is written: small, and equal states in equal bytes.
//!
//! What can be computed is left out, what stands twice is written once, and times are written as distances. What a visitor seldom has
//! stands at the end, where there is nothing if it has none.

mod moments;
pub(crate) mod packed;

use journey::{
    Text, Timestamp, VisitId,
    visit::FormUse,
    web_event::{Browser, Consent, Device, Geolocation, MktCampaign, Referrer},
};
use schemas::{Avro, Malformed, avro::Reader, record};

use self::moments::{
    read_id, read_moment, read_since, read_stay, read_times, read_told, since, write_id,
    write_moment, write_stay, write_times, write_told,
};
use crate::{
    ending::Stub,
    forms::Forms,
    open_visit::OpenVisit,
    page::{read_page, write_page},
    seen::Seen,
    so_far::{Kept, Part, Presence, VisitSoFar},
    told::Told,
    visitor::Visitor,
};

record!(Stub {
    first,
    last,
    timeout
});

/// The formats of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The first.
    Plain,
    /// The second: what [`packed`] says.
    Packed,
}

impl Format {
    /// By the number that stands in front of a state.
    pub(crate) fn of(number: u8) -> Format {
        match number {
            0 | 1 => Format::Plain,
            _ => Format::Packed,
        }
    }
}

impl Avro for Visitor {
    fn write(&self, to: &mut Vec<u8>) {
        self.write_as(Format::Plain, to);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Visitor::read_as(Format::Plain, from)
    }
}

impl Visitor {
    /// Appends the state in a format.
    pub(crate) fn write_as(&self, format: Format, to: &mut Vec<u8>) {
        let Visitor {
            visits,
            stubs,
            forgotten,
            withdrawn,
            lifetime,
            rate,
        } = self;
        match format {
            Format::Plain => visits.write(to),
            Format::Packed => {
                (visits.len() as i64).write(to);
                visits.iter().for_each(|open| open.write_as(format, to));
            }
        }
        stubs.write(to);
        forgotten.write(to);
        lifetime.write(to);
        rate.write(to);
        if !withdrawn.is_empty() {
            withdrawn.write(to);
        }
    }

    /// Reads a state of a format.
    pub(crate) fn read_as(format: Format, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let visits = match format {
            Format::Plain => Avro::read(from)?,
            Format::Packed => {
                let count = i64::read(from)?;
                let mut visits = Vec::with_capacity(count.clamp(0, 64) as usize);
                for _ in 0..count {
                    visits.push(OpenVisit::read_as(format, from)?);
                }
                visits
            }
        };
        let mut visitor = Visitor {
            visits,
            stubs: Avro::read(from)?,
            forgotten: Avro::read(from)?,
            lifetime: Avro::read(from)?,
            rate: Avro::read(from)?,
            withdrawn: Vec::new(),
        };
        if !from.is_empty() {
            visitor.withdrawn = Avro::read(from)?;
        }
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
        self.write_as(Format::Plain, to);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        OpenVisit::read_as(Format::Plain, from)
    }
}

impl OpenVisit {
    fn write_as(&self, format: Format, to: &mut Vec<u8>) {
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
        write_visit(visit, format, to);
        visit.presence.write(to);
        write_moment(first, zero, format, to);
        (last == first).write(to);
        if last != first {
            write_moment(last, zero, format, to);
        }
        for moment in &told.0 {
            write_told(moment, [first, last], zero, format, to);
        }
        searched.iter().for_each(|at| since(*at, zero).write(to));
        write_times(&forms.firsts, zero, to);
        write_stay(stay, zero, to);
        since(*last_transition, zero).write(to);
        match format {
            Format::Plain => floor.write(to),
            Format::Packed => since(*floor, zero).write(to),
        }
        sealed.map(|at| since(at, zero)).write(to);
        match format {
            Format::Plain => seen.write(to),
            Format::Packed => seen.write_packed(zero, [&first.id, &last.id], to),
        }
    }

    fn read_as(format: Format, from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let deployment_id = Avro::read(from)?;
        let mut visit = read_visit(format, from)?;
        visit.presence = Presence::read(from)?;
        let zero = visit.created_date;
        let first = read_moment(zero, format, from)?;
        let last = if bool::read(from)? {
            first.clone()
        } else {
            read_moment(zero, format, from)?
        };
        let mut told = Told::default();
        for moment in &mut told.0 {
            *moment = read_told([&first, &last], zero, format, from)?;
        }
        let terms = schemas::from_bytes::<Vec<Text>>(visit.kept.get(Part::SearchTerms))?;
        let searched = terms.iter().map(|_| read_since(zero, from));
        let searched = searched.collect::<Result<_, _>>()?;
        let forms = Forms {
            firsts: read_times(zero, from)?,
        };
        let stay = read_stay(zero, from)?;
        visit.last_page_date = stay.since(last.at);
        let last_transition = read_since(zero, from)?;
        let floor = match format {
            Format::Plain => Avro::read(from)?,
            Format::Packed => read_since(zero, from)?,
        };
        let sealed = Option::<i64>::read(from)?;
        let seen = match format {
            Format::Plain => Avro::read(from)?,
            Format::Packed => Seen::read_packed(zero, [&first.id, &last.id], from)?,
        };
        Ok(OpenVisit {
            deployment_id,
            visit: visit.into(),
            first,
            last,
            told,
            searched,
            forms,
            stay,
            last_transition,
            floor,
            sealed: sealed.map(|distance| Timestamp(zero.0.wrapping_add(distance))),
            seen,
        })
    }
}

/// The visit itself; its presence, its last page's date and the visitor's totals stand beside it, and an open visit has not ended.
fn write_visit(visit: &VisitSoFar, format: Format, to: &mut Vec<u8>) {
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
    write_id(&id.0, format, to);
    match format {
        Format::Plain => policy.write(to),
        Format::Packed => packed::write_policy(policy, to),
    }
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

fn read_visit(format: Format, from: &mut Reader<'_>) -> Result<VisitSoFar, Malformed> {
    let mut visit = VisitSoFar {
        id: VisitId(read_id(format, from)?),
        policy: match format {
            Format::Plain => Avro::read(from)?,
            Format::Packed => packed::read_policy(from)?,
        },
        ..VisitSoFar::default()
    };
    visit.created_date = Avro::read(from)?;
    visit.last_activity_date = read_since(visit.created_date, from)?;
    visit.last_event_date = read_since(visit.created_date, from)?;
    visit.event_count = Avro::read(from)?;
    visit.pageview_count = Avro::read(from)?;
    visit.ping_count = Avro::read(from)?;
    visit.late_count = Avro::read(from)?;
    visit.kept = read_kept(from)?;
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

#[cfg(test)]
mod tests;
