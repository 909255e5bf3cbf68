//! What a visit may weigh. Each part that it keeps of an event is bounded when it is kept, and the parts are few, so that no
//! record of a visit comes near 256 KiB; a visitor with many visits open at once is weighed as a whole.

use journey::{
    Text,
    web_event::{Consent, Page},
};
use schemas::Avro;

/// The most that the state of one visitor may weigh, encoded.
pub(crate) const STATE: usize = 256 * 1024;
/// With so few visits open the state is within its size by construction.
pub(crate) const SAFE_VISITS: usize = 2;
/// The most that one part of a visit (a page, a referrer, a device) may weigh.
const PART: usize = 8 * 1024;
/// The longest text that a cut part keeps.
const TEXT: usize = 2 * 1024;

/// A part that may have to be cut. Says whether it was.
pub(crate) trait Fit {
    fn fit(&mut self) -> bool;
}

impl Fit for Page {
    /// Keeps what says which page it was.
    fn fit(&mut self) -> bool {
        let texts = [&self.url, &self.domain, &self.hostname, &self.pathname];
        let options = [
            &self.title,
            &self.fragment,
            &self.keywords,
            &self.lang,
            &self.query_string,
        ];
        let weight = texts.iter().map(|text| text.len()).sum::<usize>()
            + options
                .iter()
                .filter_map(|text| text.as_ref())
                .map(|text| text.len())
                .sum::<usize>()
            + self
                .breadcrumb
                .iter()
                .map(|part| part.len() + 2)
                .sum::<usize>();
        if weight <= PART {
            return false;
        }
        *self = Page {
            url: cut(&self.url),
            title: self
                .title
                .as_ref()
                .filter(|title| title.len() <= TEXT / 4)
                .cloned(),
            domain: cut(&self.domain),
            hostname: cut(&self.hostname),
            pathname: cut(&self.pathname),
            ..Page::default()
        };
        true
    }
}

impl Fit for Consent {
    fn fit(&mut self) -> bool {
        let weight = self
            .purposes
            .iter()
            .map(|purpose| purpose.len() + 2)
            .sum::<usize>()
            + self.state.len()
            + self.source.as_ref().map_or(0, |source| source.len());
        if weight <= PART {
            return false;
        }
        *self = Consent {
            state: cut(&self.state),
            updated_date: self.updated_date,
            ..Consent::default()
        };
        true
    }
}

impl Fit for Text {
    fn fit(&mut self) -> bool {
        let long = self.len() > TEXT;
        if long {
            *self = cut(self);
        }
        long
    }
}

/// Whether a part that is kept whole or not at all is too heavy to keep.
pub(crate) fn too_heavy<T: Avro>(part: &T) -> bool {
    schemas::to_bytes(part).len() > PART
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
    use super::*;

    fn long(length: usize) -> Text {
        Text::from("ä".repeat(length / 2))
    }

    #[test]
    fn a_page_of_ordinary_size_is_kept_whole() {
        let page = Page {
            url: long(2_048),
            breadcrumb: vec![long(100); 20],
            ..Page::default()
        };
        let mut kept = page.clone();
        assert!(!kept.fit());
        assert_eq!(kept, page);
    }

    #[test]
    fn a_part_that_is_too_large_is_cut_and_says_so() {
        let mut page = Page {
            url: long(9_001),
            title: Some(long(5_000)),
            breadcrumb: vec![long(100); 200],
            ..Page::default()
        };
        assert!(page.fit());
        assert!(page.url.len() <= TEXT && page.breadcrumb.is_empty() && page.title.is_none());
        let mut consent = Consent {
            purposes: vec![long(100); 200],
            ..Consent::default()
        };
        assert!(consent.fit() && consent.purposes.is_empty());
        let mut text = long(5_000);
        assert!(text.fit() && text.len() <= TEXT && !text.fit());
        assert!(too_heavy(&long(9_000)) && !too_heavy(&long(8_000)));
    }
}
