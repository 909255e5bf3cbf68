//! A visit as a record shows it: what the segmenter goes by is read, all else is looked at where it lies.

use std::{
    ops::Range,
    sync::{Arc, LazyLock},
};

use journey::{
    Millis, Text, Timestamp, VisitId,
    visit::{in_cause, presence},
    web_event::{Policy, purpose},
};
use schemas::{
    Avro, Malformed,
    avro::Reader,
    from_bytes,
    record::{optional, text, texts},
    records::{
        ActivityParts, BrowserParts, ConsentParts, DeviceParts, GeolocationParts, MktCampaignParts,
        PageParts, ReferrerParts, VisitParts,
    },
};

use crate::{encoded::Encoded, input::Cause};

/// A visit; [`journey::Visit`] says what each member means.
#[derive(Clone)]
pub(crate) struct Visit {
    /// The record that shows it: the spans lie in this.
    record: Encoded,
    /// The visit's own encoding.
    own: Span,
    /// What it leaves to the event that it comes with: see [`in_cause`].
    left_out: i64,
    spans: Spans,
    pub(crate) id: VisitId,
    pub(crate) timeout: Millis,
    pub(crate) serve_bots: bool,
    pub(crate) created_date: Timestamp,
    pub(crate) last_event_date: Timestamp,
    pub(crate) is_away: bool,
    pub(crate) end_reason: Option<Text>,
    pub(crate) ping_count: i64,
    pub(crate) bot: bool,
    pub(crate) authenticated: bool,
}

type Span = Range<u32>;

/// Where the members lie that are passed on as they came.
#[derive(Clone, Debug)]
struct Spans {
    /// `ended_date`, `idle_date` and `away_date`, which stand together.
    dates: Span,
    end_reason: Span,
    /// `event_count` and `pageview_count`.
    counts: Span,
    search_terms: Span,
    policy: Span,
    first_page: Span,
    last_page: Span,
    browser: Span,
    device: Span,
    geolocation: Span,
    ip_organization: Span,
    referrer: Span,
    mkt_campaign: Span,
    consent: Span,
    page_class: Span,
    reply_to: Span,
    /// `visit_number` and all that follows, up to the forms.
    totals: Span,
    forms: Span,
}

impl Spans {
    /// The members that may stand in the event, in the order in which a visit has them.
    fn leaning(&mut self) -> [(i64, &mut Span); 11] {
        [
            (in_cause::POLICY, &mut self.policy),
            (in_cause::FIRST_PAGE, &mut self.first_page),
            (in_cause::LAST_PAGE, &mut self.last_page),
            (in_cause::BROWSER, &mut self.browser),
            (in_cause::DEVICE, &mut self.device),
            (in_cause::GEOLOCATION, &mut self.geolocation),
            (in_cause::IP_ORGANIZATION, &mut self.ip_organization),
            (in_cause::REFERRER, &mut self.referrer),
            (in_cause::MKT_CAMPAIGN, &mut self.mkt_campaign),
            (in_cause::CONSENT, &mut self.consent),
            (in_cause::REPLY_TO, &mut self.reply_to),
        ]
    }
}

impl Visit {
    /// Takes the visit in front of `from`, which reads `record`.
    pub(crate) fn take(record: &Encoded, from: &mut Reader<'_>) -> Result<Visit, Malformed> {
        let before = from.rest();
        let parts = VisitParts::take(from)?;
        let whole = record.bytes().as_ptr() as usize;
        let offset = |part: &[u8]| (part.as_ptr() as usize - whole) as u32;
        let span = |part: &[u8]| offset(part)..offset(part) + part.len() as u32;
        let spans = Spans {
            dates: offset(parts.ended_date)..offset(parts.presence),
            end_reason: span(parts.end_reason),
            counts: offset(parts.event_count)..offset(parts.ping_count),
            search_terms: span(parts.search_terms),
            policy: span(parts.policy),
            first_page: span(parts.first_page),
            last_page: span(parts.last_page),
            browser: span(parts.browser),
            device: span(parts.device),
            geolocation: span(parts.geolocation),
            ip_organization: span(parts.ip_organization),
            referrer: span(parts.referrer),
            mkt_campaign: span(parts.mkt_campaign),
            consent: span(parts.consent),
            page_class: span(parts.page_class),
            reply_to: span(parts.reply_to),
            totals: offset(parts.visit_number)..offset(parts.forms),
            forms: span(parts.forms),
        };
        let policy: Policy = from_bytes(parts.policy)?;
        Ok(Visit {
            id: from_bytes(parts.id)?,
            timeout: policy.visit_timeout,
            serve_bots: policy.serve_bots,
            created_date: from_bytes(parts.created_date)?,
            last_event_date: from_bytes(parts.last_event_date)?,
            is_away: text(parts.presence) == presence::AWAY,
            end_reason: from_bytes(parts.end_reason)?,
            ping_count: from_bytes(parts.ping_count)?,
            bot: from_bytes(parts.bot)?,
            authenticated: from_bytes(parts.authenticated)?,
            own: span(&before[..before.len() - from.rest().len()]),
            left_out: 0,
            spans,
            record: record.clone(),
        })
    }

    /// Finds what the visit leaves to the event that it comes with there.
    pub(crate) fn lean_on(&mut self, cause: &Cause, left_out: i64) -> Result<(), Malformed> {
        if left_out == 0 {
            return Ok(());
        }
        self.left_out = left_out;
        let activity = cause.activity.as_ref();
        let activity = activity.map_or_else(ActivityParts::default, |activity| {
            ActivityParts::of(activity.bytes())
        });
        let theirs: [&[u8]; 11] = [
            cause.policy.bytes(),
            activity.page,
            activity.page,
            activity.browser,
            activity.device,
            activity.geolocation,
            activity.ip_organization,
            activity.referrer,
            activity.mkt_campaign,
            cause.consent.bytes(),
            cause.reply_to.bytes(),
        ];
        for ((part, own), theirs) in self.spans.leaning().into_iter().zip(theirs) {
            if left_out & part != 0 {
                *own = self.record.span_of(theirs).ok_or(Malformed::Truncated)?;
            }
        }
        if left_out & in_cause::POLICY != 0 {
            let policy: Policy = from_bytes(cause.policy.bytes())?;
            (self.timeout, self.serve_bots) = (policy.visit_timeout, policy.serve_bots);
        }
        Ok(())
    }

    /// The visit without the record that showed it.
    pub(crate) fn apart(self) -> Visit {
        if self.left_out == 0 && self.own.len() == self.record.bytes().len() {
            return self;
        }
        Visit::whole(&schemas::to_bytes(&self)).unwrap_or(self)
    }

    /// The visit that `encoded` is, all of it.
    fn whole(encoded: &[u8]) -> Result<Visit, Malformed> {
        let encoded = Encoded::all(Arc::from(encoded));
        Visit::take(&encoded, &mut Reader::new(encoded.bytes()))
    }

    fn bytes(&self, span: &Span) -> &[u8] {
        &self.record.bytes()[span.start as usize..span.end as usize]
    }

    /// The page of the last event.
    pub(crate) fn last_page(&self) -> PageParts<'_> {
        PageParts::of(self.bytes(&self.spans.last_page))
    }

    /// The URL of the page of the last event: the first of a page's fields.
    pub(crate) fn last_url(&self) -> &str {
        text(self.bytes(&self.spans.last_page))
    }

    /// The strictest class of any page seen.
    pub(crate) fn page_class(&self) -> &str {
        text(self.bytes(&self.spans.page_class))
    }

    /// The consent, encoded.
    pub(crate) fn consent(&self) -> Encoded {
        self.record.part(self.bytes(&self.spans.consent))
    }

    /// Whether the visit's consent is for this purpose, see [`purpose`].
    pub(crate) fn allows(&self, purpose: &str) -> bool {
        let consent = ConsentParts::of(self.bytes(&self.spans.consent));
        purpose::covers(texts(consent.purposes), purpose)
    }

    /// The address that offers carry back.
    pub(crate) fn reply_to(&self) -> Option<&str> {
        optional(self.bytes(&self.spans.reply_to)).map(text)
    }

    /// The browser, if any event told.
    pub(crate) fn browser(&self) -> Option<BrowserParts<'_>> {
        optional(self.bytes(&self.spans.browser)).map(BrowserParts::of)
    }

    /// The device, if any event told.
    pub(crate) fn device(&self) -> Option<DeviceParts<'_>> {
        optional(self.bytes(&self.spans.device)).map(DeviceParts::of)
    }

    /// The place, if any event told.
    pub(crate) fn geolocation(&self) -> Option<GeolocationParts<'_>> {
        optional(self.bytes(&self.spans.geolocation)).map(GeolocationParts::of)
    }

    /// Who runs the visitor's network.
    pub(crate) fn ip_organization(&self) -> Option<&str> {
        optional(self.bytes(&self.spans.ip_organization)).map(text)
    }

    /// Where the visitor came from.
    pub(crate) fn referrer(&self) -> Option<ReferrerParts<'_>> {
        optional(self.bytes(&self.spans.referrer)).map(ReferrerParts::of)
    }

    /// By which campaign.
    pub(crate) fn mkt_campaign(&self) -> Option<MktCampaignParts<'_>> {
        optional(self.bytes(&self.spans.mkt_campaign)).map(MktCampaignParts::of)
    }

    /// All that a context criterion can look at, encoded, flags aside.
    pub(crate) fn context(&self) -> [&[u8]; 6] {
        let Spans {
            browser,
            device,
            geolocation,
            ip_organization,
            referrer,
            mkt_campaign,
            ..
        } = &self.spans;
        [
            browser,
            device,
            geolocation,
            ip_organization,
            referrer,
            mkt_campaign,
        ]
        .map(|span| self.bytes(span))
    }

    /// Appends the encoding of the visit as journey events show it, up to its campaign; with no page and no search if
    /// `pages` are not to be told.
    pub(crate) fn write_summary(&self, pages: bool, to: &mut Vec<u8>) {
        static NO_PAGES: LazyLock<Vec<u8>> = LazyLock::new(|| {
            let page = schemas::to_bytes(&journey::web_event::Page::default());
            [&[0], &*page, &*page].concat()
        });
        let spans = &self.spans;
        self.created_date.write(to);
        to.extend_from_slice(self.bytes(&spans.dates));
        to.extend_from_slice(self.bytes(&spans.end_reason));
        (self.last_event_date - self.created_date)
            .as_secs()
            .write(to);
        to.extend_from_slice(self.bytes(&spans.counts));
        if pages {
            to.extend_from_slice(self.bytes(&spans.search_terms));
            to.extend_from_slice(self.bytes(&spans.first_page));
            to.extend_from_slice(self.bytes(&spans.last_page));
        } else {
            to.extend_from_slice(&NO_PAGES);
        }
        to.extend_from_slice(self.bytes(&spans.device));
        to.extend_from_slice(self.bytes(&spans.browser));
        to.extend_from_slice(self.bytes(&spans.geolocation));
        to.extend_from_slice(self.bytes(&spans.referrer));
        to.extend_from_slice(self.bytes(&spans.mkt_campaign));
    }

    /// Appends what journey events show of the visit behind its segments and outcomes; with no form if `pages` are not to be
    /// told.
    pub(crate) fn write_totals(&self, pages: bool, to: &mut Vec<u8>) {
        to.extend_from_slice(self.bytes(&self.spans.totals));
        if pages {
            to.extend_from_slice(self.bytes(&self.spans.forms));
        } else {
            to.push(0);
        }
    }
}

impl std::fmt::Debug for Visit {
    /// What it says, whatever stands where.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", schemas::to_bytes(self))
    }
}

impl PartialEq for Visit {
    fn eq(&self, other: &Visit) -> bool {
        schemas::to_bytes(self) == schemas::to_bytes(other)
    }
}

impl From<&journey::Visit> for Visit {
    fn from(visit: &journey::Visit) -> Visit {
        Visit::whole(&schemas::to_bytes(visit)).expect("what was just written can be read")
    }
}

impl Default for Visit {
    fn default() -> Visit {
        static EMPTY: LazyLock<Visit> = LazyLock::new(|| Visit::from(&journey::Visit::default()));
        EMPTY.clone()
    }
}

impl Avro for Visit {
    fn write(&self, to: &mut Vec<u8>) {
        let own = self.bytes(&self.own);
        if self.left_out == 0 {
            return to.extend_from_slice(own);
        }
        let parts = VisitParts::of(own);
        let empty = [
            parts.policy,
            parts.first_page,
            parts.last_page,
            parts.browser,
            parts.device,
            parts.geolocation,
            parts.ip_organization,
            parts.referrer,
            parts.mkt_campaign,
            parts.consent,
            parts.reply_to,
        ];
        let mut from = own;
        for ((_, full), empty) in self.spans.clone().leaning().into_iter().zip(empty) {
            let before = empty.as_ptr() as usize - from.as_ptr() as usize;
            to.extend_from_slice(&from[..before]);
            to.extend_from_slice(self.bytes(full));
            from = &from[before + empty.len()..];
        }
        to.extend_from_slice(from);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Malformed> {
        Visit::whole(from.encoded::<journey::Visit>()?)
    }
}

#[cfg(test)]
mod tests {
    use journey::visit::FormUse;

    use super::*;
    use crate::told::{Summary, Told};

    #[test]
    fn a_summary_shows_what_the_visit_counts_and_names_no_form_where_pages_are_not_told() {
        let visit = journey::Visit {
            visit_number: Some(3),
            total_event_count: Some(40),
            total_pageview_count: Some(30),
            first_seen_date: Some(Timestamp(7)),
            engaged_millis: Some(1_500),
            last_page_millis: None,
            search_count: Some(2),
            form_submitted_count: Some(1),
            form_abandoned_count: Some(0),
            forms: vec![FormUse {
                name: "contact".into(),
                submitted_count: 1,
                abandoned_count: 0,
            }],
            ..journey::Visit::default()
        };
        for pages in [true, false] {
            let told = Told {
                visit: Some(Summary {
                    visit: Visit::from(&visit),
                    pages,
                    segments: Vec::new(),
                    outcomes: Vec::new(),
                }),
                ..Told::empty()
            };
            let shown = told.record().expect("a record").visit.expect("the visit");
            assert_eq!(
                (shown.visit_number, shown.total_event_count),
                (Some(3), Some(40))
            );
            assert_eq!(shown.total_pageview_count, Some(30));
            assert_eq!(shown.first_seen_date, Some(Timestamp(7)));
            assert_eq!(
                (shown.engaged_millis, shown.last_page_millis),
                (Some(1_500), None)
            );
            assert_eq!(shown.search_count, Some(2));
            let counts = (shown.form_submitted_count, shown.form_abandoned_count);
            assert_eq!(counts, (Some(1), Some(0)));
            assert_eq!(
                shown.forms,
                if pages {
                    visit.forms.clone()
                } else {
                    Vec::new()
                }
            );
        }
    }
}
