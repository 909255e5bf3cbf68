//! What a visit may weigh. Each part that it keeps of an event is bounded when it is kept, and the parts are few, so that no
//! record of a visit comes near 256 KiB; a visitor with many visits open at once is weighed as a whole.

use std::cmp::Reverse;

use journey::{
    Text,
    web_event::{Consent, Page},
};
use schemas::{avro::Reader, from_bytes, to_bytes};

use crate::{
    consent::Withdrawal,
    so_far::{Part, VisitSoFar},
};

/// The most that the state of one visitor may weigh, encoded.
pub(crate) const STATE: usize = 256 * 1024;
/// With so few visits open the state is within its size by construction.
pub(crate) const SAFE_VISITS: usize = 1;
/// The most that a visit's numbers, times and flags weigh, encoded.
pub(crate) const VISIT: usize = 320;
/// The most that one time weighs, encoded.
pub(crate) const TIME: usize = 10;
/// The most that the rest of a visitor weighs, and each of the stubs.
pub(crate) const REST: usize = 128;
pub(crate) const STUB: usize = 3 * TIME;
/// The most that one part of a visit (a page, a referrer, a device) may weigh.
pub(crate) const PART: usize = 8 * 1024;
/// The longest text that a cut part keeps.
const TEXT: usize = 2 * 1024;
/// The longest purpose that a cut consent or withdrawal keeps, how many, and what stands there if it keeps none.
const PURPOSE: usize = 64;
const PURPOSES: usize = 64;
const OTHER: &str = "other";
/// The longest name of a form that is kept.
const FORM: usize = 256;

/// Keeps a page, or, of one that weighs too much, what says which page it was.
pub(crate) fn keep_page(visit: &mut VisitSoFar, part: Part, encoded: &[u8]) {
    if encoded.len() <= PART {
        return visit.keep(part, encoded);
    }
    let page: Page = from_bytes(encoded).unwrap_or_default();
    let kept = Page {
        url: cut(&page.url),
        title: page.title.filter(|title| title.len() <= TEXT / 4),
        domain: cut(&page.domain),
        hostname: cut(&page.hostname),
        pathname: cut(&page.pathname),
        ..Page::default()
    };
    visit.keep(part, &to_bytes(&kept));
    visit.truncated = true;
}

/// Whether this is another page than the visit's last one.
pub(crate) fn is_another_page(visit: &VisitSoFar, encoded: &[u8]) -> bool {
    url_of(visit.kept.get(Part::LastPage)) != url_of(encoded)
}

/// A page's URL, the first of its fields.
fn url_of(page: &[u8]) -> &[u8] {
    Reader::again(page).prefixed().unwrap_or_default()
}

/// Keeps a consent, or, of one that weighs too much, its state, and of its purposes the first of ordinary length: never none, as
/// that would be all.
pub(crate) fn keep_consent(visit: &mut VisitSoFar, encoded: &[u8]) {
    if encoded.len() <= PART {
        return visit.keep(Part::Consent, encoded);
    }
    let consent: Consent = from_bytes(encoded).unwrap_or_default();
    let short = |purpose: &Text| purpose.len() <= PURPOSE;
    let purposes = consent.purposes.into_iter().filter(short);
    let mut purposes: Vec<Text> = purposes.take(PURPOSES).collect();
    if purposes.is_empty() {
        purposes.push(Text::from(OTHER));
    }
    let kept = Consent {
        state: cut(&consent.state),
        purposes,
        updated_date: consent.updated_date,
        source: consent.source.filter(|source| source.len() <= PURPOSE),
    };
    visit.keep(Part::Consent, &to_bytes(&kept));
    visit.truncated = true;
}

/// Keeps what consent was withdrawn for; of far too many purposes those of ordinary length, the last of them.
pub(crate) fn fit_withdrawn(withdrawn: &mut Vec<Withdrawal>) {
    if withdrawn_weight(withdrawn) > PART {
        withdrawn.retain(|known| known.purpose.len() <= PURPOSE);
        withdrawn.sort_by_key(|known| Reverse(known.at));
        withdrawn.truncate(PURPOSES);
    }
}

/// What these weigh in the state at most.
pub(crate) fn withdrawn_weight(withdrawn: &[Withdrawal]) -> usize {
    let weight = |known: &Withdrawal| known.purpose.len() + 2 * TIME;
    withdrawn.iter().map(weight).sum()
}

/// Keeps an optional part whole, or, if it weighs too much, not at all. Says whether it was kept.
pub(crate) fn keep_light(visit: &mut VisitSoFar, part: Part, encoded: &[u8]) -> bool {
    let light = encoded.len() <= PART;
    if light {
        visit.keep(part, encoded);
    } else {
        visit.truncated = true;
    }
    light
}

/// A text, cut if it must be; and whether it was.
pub(crate) fn fit_text(text: Text) -> (Text, bool) {
    let long = text.len() > TEXT;
    (if long { cut(&text) } else { text }, long)
}

/// The name of a form, cut if it must be; and whether it was.
pub(crate) fn fit_form(name: &str) -> (&str, bool) {
    let end = name.floor_char_boundary(FORM);
    (&name[..end], end < name.len())
}

fn cut(text: &Text) -> Text {
    if text.len() <= TEXT {
        text.clone()
    } else {
        Text::from(&text[..text.floor_char_boundary(TEXT)])
    }
}

#[cfg(test)]
mod tests {
    use journey::Timestamp;

    use super::*;

    fn long(length: usize) -> Text {
        Text::from("ä".repeat(length / 2))
    }

    #[test]
    fn a_page_of_ordinary_size_is_kept_whole() {
        let page = to_bytes(&Page {
            url: long(2_048),
            breadcrumb: vec![long(100); 20],
            ..Page::default()
        });
        let mut visit = VisitSoFar::default();
        keep_page(&mut visit, Part::LastPage, &page);
        assert_eq!(visit.kept.get(Part::LastPage), page);
        assert!(!visit.truncated);
    }

    #[test]
    fn of_far_too_many_withdrawals_the_last_of_ordinary_ones_are_kept() {
        let withdrawal = |length: usize, at: i64| Withdrawal {
            purpose: long(length),
            at: Timestamp(at),
        };
        let mut some = vec![withdrawal(2_000, 1), withdrawal(10, 2)];
        fit_withdrawn(&mut some);
        assert_eq!(some.len(), 2);
        let mut many: Vec<_> = (0..200).map(|at| withdrawal(62, at)).collect();
        many.push(withdrawal(100, 900));
        fit_withdrawn(&mut many);
        let times = many.iter().map(|known| known.at.0);
        assert!(times.eq((136..200).rev()));
        assert!(withdrawn_weight(&many) <= PART);
    }

    #[test]
    fn a_part_that_is_too_large_is_cut_and_says_so() {
        let mut visit = VisitSoFar::default();
        let page = Page {
            url: long(9_001),
            title: Some(long(5_000)),
            breadcrumb: vec![long(100); 200],
            ..Page::default()
        };
        keep_page(&mut visit, Part::FirstPage, &to_bytes(&page));
        assert!(std::mem::take(&mut visit.truncated));
        let kept: Page = from_bytes(visit.kept.get(Part::FirstPage)).expect("a page");
        assert!(kept.url.len() <= TEXT && kept.breadcrumb.is_empty() && kept.title.is_none());
        let consent = Consent {
            purposes: vec![long(100); 200],
            ..Consent::default()
        };
        keep_consent(&mut visit, &to_bytes(&consent));
        assert!(std::mem::take(&mut visit.truncated));
        assert_eq!(
            from_bytes(visit.kept.get(Part::Consent)),
            Ok(Consent {
                purposes: vec!["other".into()],
                ..Consent::default()
            }),
            "and not for all purposes"
        );
        let consent = Consent {
            purposes: [vec!["staffing".into()], vec![long(100); 200]].concat(),
            ..Consent::default()
        };
        keep_consent(&mut visit, &to_bytes(&consent));
        assert!(std::mem::take(&mut visit.truncated));
        let kept: Consent = from_bytes(visit.kept.get(Part::Consent)).expect("a consent");
        assert_eq!(kept.purposes, [Text::from("staffing")]);
        for (length, kept) in [(9_000, false), (8_000, true)] {
            let organization = to_bytes(&Some(long(length)));
            let light = keep_light(&mut visit, Part::IpOrganization, &organization);
            assert_eq!((light, std::mem::take(&mut visit.truncated)), (kept, !kept));
        }
        let (text, cut) = fit_text(long(5_000));
        assert!(cut && text.len() <= TEXT && !fit_text(text).1);
    }
}
