//! How a visitor's state is written: small, and equal states in equal bytes.
//!
//! What can be computed is left out, what stands twice is written once, and times are written as distances.

use std::sync::Arc;

use journey::{Text, Timestamp, Visit};
use schemas::{Avro, Malformed, avro::Reader, record};

use crate::{
    ending::Stub,
    moment::Moment,
    open_visit::{OpenVisit, Presence, foresee},
    page::{read_page, write_page},
    told::Told,
    visitor::Visitor,
};

record!(Visitor { visits, stubs });
record!(Stub {
    first,
    last,
    timeout
});

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
            presence,
            first,
            last,
            told,
            searched,
            last_page_date,
            last_transition,
            floor,
            sealed,
            seen,
        } = self;
        let zero = visit.created_date;
        deployment_id.write(to);
        write_visit(visit, to);
        presence.write(to);
        write_moment(first, zero, to);
        (last == first).write(to);
        if last != first {
            write_moment(last, zero, to);
        }
        let Told {
            browser,
            device,
            geolocation,
            ip_organization,
            mkt_campaign,
            reply_to,
        } = told;
        for moment in [
            browser,
            device,
            geolocation,
            ip_organization,
            mkt_campaign,
            reply_to,
        ] {
            write_told(moment, first, last, zero, to);
        }
        searched.iter().for_each(|at| since(*at, zero).write(to));
        since(*last_page_date, zero).write(to);
        since(*last_transition, zero).write(to);
        floor.write(to);
        sealed.map(|at| since(at, zero)).write(to);
        seen.write(to);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        let deployment_id = Avro::read(from)?;
        let mut visit = read_visit(from)?;
        let presence = Presence::read(from)?;
        visit.presence = Text::from(presence.as_str());
        let zero = visit.created_date;
        let first = read_moment(zero, from)?;
        let last = if bool::read(from)? {
            first.clone()
        } else {
            read_moment(zero, from)?
        };
        let mut told = || read_told(&first, &last, zero, from);
        let told = Told {
            browser: told()?,
            device: told()?,
            geolocation: told()?,
            ip_organization: told()?,
            mkt_campaign: told()?,
            reply_to: told()?,
        };
        let searched = visit
            .search_terms
            .iter()
            .map(|_| read_since(zero, from))
            .collect::<Result<_, _>>()?;
        Ok(OpenVisit {
            deployment_id,
            visit: Arc::new(visit),
            presence,
            first,
            last,
            told,
            searched,
            last_page_date: read_since(zero, from)?,
            last_transition: read_since(zero, from)?,
            floor: Avro::read(from)?,
            sealed: Option::<i64>::read(from)?
                .map(|distance| Timestamp(zero.0.wrapping_add(distance))),
            seen: Avro::read(from)?,
        })
    }
}

/// The visit itself; `presence` stands beside it, and an open visit has not ended.
fn write_visit(visit: &Visit, to: &mut Vec<u8>) {
    let Visit {
        id,
        policy,
        created_date,
        last_activity_date,
        last_event_date,
        ended_date: _,
        idle_date: _,
        away_date: _,
        presence: _,
        end_reason: _,
        event_count,
        pageview_count,
        ping_count,
        late_count,
        search_terms,
        first_page,
        last_page,
        browser,
        device,
        geolocation,
        ip_organization,
        referrer,
        mkt_campaign,
        consent,
        page_class,
        bot,
        authenticated,
        reply_to,
        truncated,
    } = visit;
    id.write(to);
    policy.write(to);
    created_date.write(to);
    since(*last_activity_date, *created_date).write(to);
    since(*last_event_date, *created_date).write(to);
    [event_count, pageview_count, ping_count, late_count]
        .into_iter()
        .for_each(|count| count.write(to));
    search_terms.write(to);
    write_page(first_page, to);
    (last_page == first_page).write(to);
    if last_page != first_page {
        write_page(last_page, to);
    }
    browser.write(to);
    device.write(to);
    geolocation.write(to);
    ip_organization.write(to);
    referrer.write(to);
    mkt_campaign.write(to);
    consent.write(to);
    page_class.write(to);
    [bot, authenticated, truncated]
        .into_iter()
        .for_each(|flag| flag.write(to));
    reply_to.write(to);
}

fn read_visit(from: &mut Reader<'_>) -> Result<Visit, Malformed> {
    let mut visit = Visit {
        id: Avro::read(from)?,
        policy: Avro::read(from)?,
        ..Visit::default()
    };
    visit.created_date = Avro::read(from)?;
    visit.last_activity_date = read_since(visit.created_date, from)?;
    visit.last_event_date = read_since(visit.created_date, from)?;
    visit.event_count = Avro::read(from)?;
    visit.pageview_count = Avro::read(from)?;
    visit.ping_count = Avro::read(from)?;
    visit.late_count = Avro::read(from)?;
    visit.search_terms = Avro::read(from)?;
    visit.first_page = read_page(from)?;
    visit.last_page = if bool::read(from)? {
        visit.first_page.clone()
    } else {
        read_page(from)?
    };
    visit.browser = Avro::read(from)?;
    visit.device = Avro::read(from)?;
    visit.geolocation = Avro::read(from)?;
    visit.ip_organization = Avro::read(from)?;
    visit.referrer = Avro::read(from)?;
    visit.mkt_campaign = Avro::read(from)?;
    visit.consent = Avro::read(from)?;
    visit.page_class = Avro::read(from)?;
    visit.bot = Avro::read(from)?;
    visit.authenticated = Avro::read(from)?;
    visit.truncated = Avro::read(from)?;
    visit.reply_to = Avro::read(from)?;
    foresee(&mut visit);
    Ok(visit)
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

/// A time as its distance from another; any two times have one.
fn since(at: Timestamp, zero: Timestamp) -> i64 {
    at.0.wrapping_sub(zero.0)
}

fn read_since(zero: Timestamp, from: &mut Reader<'_>) -> Result<Timestamp, Malformed> {
    i64::read(from).map(|distance| Timestamp(zero.0.wrapping_add(distance)))
}

#[cfg(test)]
mod tests;
