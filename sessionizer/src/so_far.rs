//! The visit so far, as every record of it tells it: what changes with each event is read, what the visit keeps of its
//! events stays encoded as it came, so that telling it again is a copy of bytes.

use std::sync::LazyLock;

use journey::{
    Millis, Text, Timestamp, VisitId,
    visit::{in_cause, presence},
    web_event::{Consent, Page, Policy},
};
use schemas::{Avro, avro::write_str, to_bytes};

use crate::{event::Event, lifetime::Totals, sizes};

/// How present the visitor is, the more active the greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Presence {
    Away,
    Idle,
    #[default]
    Active,
}

impl Presence {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Presence::Away => presence::AWAY,
            Presence::Idle => presence::IDLE,
            Presence::Active => presence::ACTIVE,
        }
    }
}

/// What a visit keeps of its events, in the order in which a [`journey::Visit`] has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    SearchTerms,
    FirstPage,
    LastPage,
    Browser,
    Device,
    Geolocation,
    IpOrganization,
    Referrer,
    MktCampaign,
    Consent,
    ReplyTo,
    Forms,
}

/// How many parts there are.
pub(crate) const PARTS: usize = Part::Forms as usize + 1;

/// The encodings of a visit's parts, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    encoded: Vec<u8>,
    ends: [u32; PARTS],
}

impl Kept {
    /// From the encoding of each part.
    pub(crate) fn new(parts: [&[u8]; PARTS]) -> Kept {
        let mut kept = Kept {
            encoded: Vec::with_capacity(parts.iter().map(|part| part.len()).sum()),
            ends: [0; PARTS],
        };
        for (part, end) in parts.iter().zip(&mut kept.ends) {
            kept.encoded.extend_from_slice(part);
            *end = kept.encoded.len() as u32;
        }
        kept
    }

    /// The encoding of a part.
    pub(crate) fn get(&self, part: Part) -> &[u8] {
        &self.encoded[self.start(part)..self.ends[part as usize] as usize]
    }

    /// What all parts weigh.
    pub(crate) fn len(&self) -> usize {
        self.encoded.len()
    }

    /// The encodings of a part and all after it.
    pub(crate) fn from(&self, part: Part) -> &[u8] {
        &self.encoded[self.start(part)..]
    }

    fn start(&self, part: Part) -> usize {
        (part as usize)
            .checked_sub(1)
            .map_or(0, |before| self.ends[before] as usize)
    }

    /// Makes room for what a visit keeps of its first event, its page twice.
    pub(crate) fn reserve(&mut self, event: &Event) {
        let room = |encoded: &[u8]| encoded.len().min(sizes::PART);
        let bytes = parts_of(event).map(|(_, _, encoded)| room(encoded));
        self.encoded.reserve_exact(bytes.iter().sum());
    }

    fn replace(&mut self, part: Part, encoded: &[u8]) {
        let (start, end) = (self.start(part), self.ends[part as usize] as usize);
        let (length, after) = (self.encoded.len(), start + encoded.len());
        if after > end {
            self.encoded.reserve_exact(after - end);
            self.encoded.resize(length + after - end, 0);
        }
        self.encoded.copy_within(end..length, after);
        self.encoded.truncate(length - end + after);
        self.encoded[start..after].copy_from_slice(encoded);
        for later in &mut self.ends[part as usize..] {
            *later = *later - end as u32 + after as u32;
        }
    }
}

impl Default for Kept {
    /// Nothing is known: every part is empty.
    fn default() -> Kept {
        static EMPTY: LazyLock<Kept> = LazyLock::new(|| {
            let (page, consent) = (to_bytes(&Page::default()), to_bytes(&Consent::default()));
            let none: &[u8] = &[0];
            Kept::new([
                none, &page, &page, none, none, none, none, none, none, &consent, none, none,
            ])
        });
        EMPTY.clone()
    }
}

/// A visit so far; [`journey::Visit`] says what each member means.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VisitSoFar {
    pub(crate) id: VisitId,
    pub(crate) policy: Policy,
    pub(crate) created_date: Timestamp,
    pub(crate) last_activity_date: Timestamp,
    pub(crate) last_event_date: Timestamp,
    /// When the last page was reached.
    pub(crate) last_page_date: Timestamp,
    /// When and why it ended.
    pub(crate) ended: Option<(Timestamp, &'static str)>,
    pub(crate) presence: Presence,
    pub(crate) event_count: i64,
    pub(crate) pageview_count: i64,
    pub(crate) ping_count: i64,
    pub(crate) late_count: i64,
    pub(crate) kept: Kept,
    pub(crate) page_class: Text,
    pub(crate) bot: bool,
    pub(crate) authenticated: bool,
    pub(crate) truncated: bool,
    pub(crate) number: i64,
    /// Of all visits of the visitor; the same in each that is open.
    pub(crate) totals: Totals,
    pub(crate) engaged: Millis,
    pub(crate) search_count: i64,
    pub(crate) form_submitted_count: i64,
    pub(crate) form_abandoned_count: i64,
}

impl VisitSoFar {
    /// When the visitor is to be taken for idle: from the last activity on.
    pub(crate) fn idle_date(&self) -> Timestamp {
        self.last_activity_date + self.policy.idle_after
    }

    /// When the visitor is to be taken for away: from the last activity on, and never before idle.
    pub(crate) fn away_date(&self) -> Timestamp {
        self.last_activity_date + self.policy.idle_after.max(self.policy.away_after)
    }

    /// Keeps the encoding of a part.
    pub(crate) fn keep(&mut self, part: Part, encoded: &[u8]) {
        if self.kept.get(part) != encoded {
            self.kept.replace(part, encoded);
        }
    }

    /// What stands in the event that was just taken in as well: see [`in_cause`].
    pub(crate) fn in_cause(&self, cause: &Event) -> i64 {
        let policy = if self.policy == cause.policy {
            in_cause::POLICY
        } else {
            0
        };
        parts_of(cause)
            .into_iter()
            .filter(|(_, part, theirs)| self.kept.get(*part) == *theirs)
            .fold(policy, |bits, (bit, _, _)| bits | bit)
    }

    /// Appends the encoding of the [`journey::Visit`] that this is, without the parts that `left_out` names.
    pub(crate) fn write(&self, left_out: i64, to: &mut Vec<u8>) {
        self.id.write(to);
        if left_out & in_cause::POLICY == 0 {
            self.policy.write(to);
        } else {
            nothing(Policy::FIELDS, to);
        }
        self.created_date.write(to);
        self.last_activity_date.write(to);
        self.last_event_date.write(to);
        self.ended.map(|(at, _)| at).write(to);
        self.idle_date().write(to);
        self.away_date().write(to);
        write_str(self.presence.as_str(), to);
        write_optional(self.ended.map(|(_, reason)| reason), to);
        for count in [
            self.event_count,
            self.pageview_count,
            self.ping_count,
            self.late_count,
        ] {
            count.write(to);
        }
        self.write_parts(left_out, to);
        self.page_class.write(to);
        self.bot.write(to);
        self.authenticated.write(to);
        self.write_part(left_out, (in_cause::REPLY_TO, Part::ReplyTo, 1), to);
        self.truncated.write(to);
        self.write_totals(to);
    }

    fn write_totals(&self, to: &mut Vec<u8>) {
        let whole = self.last_activity_date - self.created_date;
        let on_last_page = self.last_activity_date - self.last_page_date;
        for number in [
            self.number,
            self.totals.event_count,
            self.totals.pageview_count,
            self.totals.first_seen.0,
            self.engaged.min(whole).0,
            on_last_page.0,
            self.search_count,
            self.form_submitted_count,
            self.form_abandoned_count,
        ] {
            Some(number).write(to);
        }
        to.extend_from_slice(self.kept.get(Part::Forms));
    }

    /// All parts before the page class.
    fn write_parts(&self, left_out: i64, to: &mut Vec<u8>) {
        if left_out & !(in_cause::POLICY | in_cause::REPLY_TO) == 0 {
            let end = self.kept.start(Part::ReplyTo);
            return to.extend_from_slice(&self.kept.encoded[..end]);
        }
        to.extend_from_slice(self.kept.get(Part::SearchTerms));
        for part in [
            (in_cause::FIRST_PAGE, Part::FirstPage, Page::FIELDS),
            (in_cause::LAST_PAGE, Part::LastPage, Page::FIELDS),
            (in_cause::BROWSER, Part::Browser, 1),
            (in_cause::DEVICE, Part::Device, 1),
            (in_cause::GEOLOCATION, Part::Geolocation, 1),
            (in_cause::IP_ORGANIZATION, Part::IpOrganization, 1),
            (in_cause::REFERRER, Part::Referrer, 1),
            (in_cause::MKT_CAMPAIGN, Part::MktCampaign, 1),
            (in_cause::CONSENT, Part::Consent, Consent::FIELDS),
        ] {
            self.write_part(left_out, part, to);
        }
    }

    /// A part, or if it is left out its empty value: as many fields as it has, each nothing.
    fn write_part(&self, left_out: i64, (bit, part, fields): (i64, Part, usize), to: &mut Vec<u8>) {
        if left_out & bit == 0 {
            to.extend_from_slice(self.kept.get(part));
        } else {
            nothing(fields, to);
        }
    }
}

/// What an event says of the parts that a visit keeps, and the bit that each has in [`in_cause`].
fn parts_of(event: &Event) -> [(i64, Part, &[u8]); 10] {
    [
        (in_cause::FIRST_PAGE, Part::FirstPage, event.page()),
        (in_cause::LAST_PAGE, Part::LastPage, event.page()),
        (in_cause::BROWSER, Part::Browser, event.browser()),
        (in_cause::DEVICE, Part::Device, event.device()),
        (
            in_cause::GEOLOCATION,
            Part::Geolocation,
            event.geolocation(),
        ),
        (
            in_cause::IP_ORGANIZATION,
            Part::IpOrganization,
            event.ip_organization(),
        ),
        (in_cause::REFERRER, Part::Referrer, event.referrer()),
        (
            in_cause::MKT_CAMPAIGN,
            Part::MktCampaign,
            event.mkt_campaign(),
        ),
        (in_cause::CONSENT, Part::Consent, event.consent()),
        (in_cause::REPLY_TO, Part::ReplyTo, event.reply_to()),
    ]
}

/// Appends the encoding of so many fields that say nothing: of every type it is a zero.
fn nothing(fields: usize, to: &mut Vec<u8>) {
    to.resize(to.len() + fields, 0);
}

/// Appends the encoding of an optional text.
pub(crate) fn write_optional(text: Option<&str>, to: &mut Vec<u8>) {
    match text {
        None => to.push(0),
        Some(text) => {
            to.push(2);
            write_str(text, to);
        }
    }
}

#[cfg(test)]
mod tests {
    use journey::Visit;

    use super::*;

    #[test]
    fn a_visit_that_knows_nothing_is_written_as_the_empty_visit() {
        let mut written = Vec::new();
        VisitSoFar::default().write(0, &mut written);
        let read: Visit = schemas::from_bytes(&written).expect("a visit");
        let policy = Policy::default();
        let expected = Visit {
            idle_date: Timestamp(0) + policy.idle_after,
            away_date: Timestamp(0) + policy.away_after,
            presence: presence::ACTIVE.into(),
            visit_number: Some(0),
            total_event_count: Some(0),
            total_pageview_count: Some(0),
            first_seen_date: Some(Timestamp(0)),
            engaged_millis: Some(0),
            last_page_millis: Some(0),
            search_count: Some(0),
            form_submitted_count: Some(0),
            form_abandoned_count: Some(0),
            ..Visit::default()
        };
        assert_eq!(read, expected);
    }

    #[test]
    fn a_part_is_replaced_and_the_others_stay() {
        let mut visit = VisitSoFar::default();
        let page = |url: &str| {
            to_bytes(&Page {
                url: url.into(),
                ..Page::default()
            })
        };
        visit.keep(Part::LastPage, &page("https://shop.example/pricing"));
        visit.keep(
            Part::FirstPage,
            &page("https://shop.example/a/longer/way/in"),
        );
        visit.keep(Part::LastPage, &page("/"));
        visit.keep(Part::ReplyTo, &to_bytes(&Some(Text::from("there"))));
        let mut written = Vec::new();
        visit.write(0, &mut written);
        let read: Visit = schemas::from_bytes(&written).expect("a visit");
        assert_eq!(read.first_page.url, "https://shop.example/a/longer/way/in");
        assert_eq!(read.last_page.url, "/");
        assert_eq!(read.reply_to.as_deref(), Some("there"));
        assert_eq!(to_bytes(&read), written);
    }

    #[test]
    fn what_was_told_before_does_not_change() {
        let mut visit = VisitSoFar::default();
        let told = visit.clone();
        visit.keep(Part::IpOrganization, &to_bytes(&Some(Text::from("net"))));
        assert_eq!(told.kept.get(Part::IpOrganization), [0]);
    }
}
