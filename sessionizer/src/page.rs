//! How a page stands in a state: its URL whole, and of the URL's parts only where in it they stand.

use schemas::{
    Avro, Malformed,
    avro::{Reader, encoded_len, write_long, write_str},
    record::{optional, text, texts},
    records::PageParts,
};

use crate::so_far::write_optional;

/// A count of fewer items is one byte, so that no array of fewer is as short in several blocks as in one.
const ONE_BLOCK: usize = 64;

/// Writes an encoded page. One that is not encoded as we would is written as it is, and reads back as it was.
pub(crate) fn write_page(encoded: &[u8], to: &mut Vec<u8>) {
    let page = Texts::of(encoded);
    let compact = page.breadcrumb.len() < ONE_BLOCK && page.encoded_len() == encoded.len();
    compact.write(to);
    if compact {
        page.write(to);
    } else {
        to.extend_from_slice(encoded);
    }
}

/// Appends the encoding of the page that [`write_page`] wrote.
pub(crate) fn read_page(from: &mut Reader<'_>, to: &mut Vec<u8>) -> Result<(), Malformed> {
    if bool::read(from)? {
        Texts::read(from)?.encode(to);
    } else {
        to.extend_from_slice(from.encoded::<journey::web_event::Page>()?);
    }
    Ok(())
}

/// A page's texts.
#[derive(Debug)]
struct Texts<'a> {
    url: &'a str,
    title: Option<&'a str>,
    domain: &'a str,
    fragment: Option<&'a str>,
    hostname: &'a str,
    keywords: Option<&'a str>,
    lang: Option<&'a str>,
    pathname: &'a str,
    query_string: Option<&'a str>,
    breadcrumb: Vec<&'a str>,
}

impl<'a> Texts<'a> {
    fn of(encoded: &'a [u8]) -> Texts<'a> {
        let page = PageParts::of(encoded);
        let maybe = |encoded| optional(encoded).map(text);
        Texts {
            url: text(page.url),
            title: maybe(page.title),
            domain: text(page.domain),
            fragment: maybe(page.fragment),
            hostname: text(page.hostname),
            keywords: maybe(page.keywords),
            lang: maybe(page.lang),
            pathname: text(page.pathname),
            query_string: maybe(page.query_string),
            breadcrumb: texts(page.breadcrumb),
        }
    }

    /// How many bytes [`Texts::encode`] appends. No other encoding of the same page is as short, unless its breadcrumb has
    /// [`ONE_BLOCK`] parts or more.
    fn encoded_len(&self) -> usize {
        let optional = [
            self.title,
            self.fragment,
            self.keywords,
            self.lang,
            self.query_string,
        ];
        let texts = [self.url, self.domain, self.hostname, self.pathname];
        let texts = texts.iter().chain(optional.iter().flatten());
        let breadcrumb: usize = self.breadcrumb.iter().copied().map(encoded_len).sum();
        let blocks = if self.breadcrumb.is_empty() { 1 } else { 2 };
        texts.copied().map(encoded_len).sum::<usize>() + optional.len() + breadcrumb + blocks
    }

    /// As a record has it.
    fn encode(&self, to: &mut Vec<u8>) {
        to.reserve(self.encoded_len());
        write_str(self.url, to);
        write_optional(self.title, to);
        write_str(self.domain, to);
        write_optional(self.fragment, to);
        write_str(self.hostname, to);
        write_optional(self.keywords, to);
        write_optional(self.lang, to);
        write_str(self.pathname, to);
        write_optional(self.query_string, to);
        if !self.breadcrumb.is_empty() {
            write_long(self.breadcrumb.len() as i64, to);
            for part in &self.breadcrumb {
                write_str(part, to);
            }
        }
        to.push(0);
    }

    /// As a state has it.
    fn write(&self, to: &mut Vec<u8>) {
        let url = self.url;
        write_str(url, to);
        for text in [self.title, self.keywords, self.lang] {
            write_optional(text, to);
        }
        let host = url
            .bytes()
            .position(|byte| byte == b':')
            .map_or(0, |colon| colon + 3);
        let path = host + self.hostname.len();
        write_part(self.domain, url, path.saturating_sub(self.domain.len()), to);
        write_part(self.hostname, url, host, to);
        write_part(self.pathname, url, path, to);
        let fragment = self.fragment.map_or(0, str::len).min(url.len());
        for (part, place) in [
            (self.fragment, url.len() - fragment),
            (self.query_string, path + self.pathname.len() + 1),
        ] {
            part.is_some().write(to);
            if let Some(part) = part {
                write_part(part, url, place, to);
            }
        }
        write_long(self.breadcrumb.len() as i64, to);
        let mut place = path + 1;
        for part in &self.breadcrumb {
            write_part(part, url, place, to);
            place += part.len() + 1;
        }
    }

    fn read(from: &mut Reader<'a>) -> Result<Texts<'a>, Malformed> {
        let url = from.str()?;
        let mut maybe = || from.optional(Reader::str);
        let [title, keywords, lang] = [maybe()?, maybe()?, maybe()?];
        let [domain, hostname, pathname] = [
            read_part(url, from)?,
            read_part(url, from)?,
            read_part(url, from)?,
        ];
        let mut maybe = || bool::read(from)?.then(|| read_part(url, from)).transpose();
        let (fragment, query_string) = (maybe()?, maybe()?);
        let count = usize::try_from(from.long()?).map_err(|_| Malformed::Length)?;
        if count > from.rest().len() {
            return Err(Malformed::Length);
        }
        let breadcrumb = (0..count).map(|_| read_part(url, from));
        Ok(Texts {
            url,
            title,
            domain,
            fragment,
            hostname,
            keywords,
            lang,
            pathname,
            query_string,
            breadcrumb: breadcrumb.collect::<Result<_, _>>()?,
        })
    }
}

/// A text that should stand in another at `place`: the place and the length if it does, else itself behind a −1.
fn write_part(part: &str, whole: &str, place: usize, to: &mut Vec<u8>) {
    if whole.get(place..place + part.len()) == Some(part) {
        write_long(place as i64, to);
        write_long(part.len() as i64, to);
    } else {
        write_long(-1, to);
        write_str(part, to);
    }
}

fn read_part<'a>(whole: &'a str, from: &mut Reader<'a>) -> Result<&'a str, Malformed> {
    let place = from.long()?;
    if place == -1 {
        return from.str();
    }
    let length = from.long()?;
    let (Ok(start), Ok(length)) = (usize::try_from(place), usize::try_from(length)) else {
        return Err(Malformed::Length);
    };
    let end = start.checked_add(length).ok_or(Malformed::Length)?;
    whole.get(start..end).ok_or(Malformed::Length)
}

#[cfg(test)]
mod tests {
    use journey::web_event::Page;
    use schemas::to_bytes;

    use super::*;

    fn read(bytes: &[u8]) -> Vec<u8> {
        let mut encoded = Vec::new();
        read_page(&mut Reader::new(bytes), &mut encoded).expect("what was written can be read");
        encoded
    }

    #[test]
    fn a_page_costs_little_more_than_its_url() {
        let url = "https://shop.example.co.uk/pricing/plans?plan=pro&seats=5#top";
        let page = to_bytes(&Page {
            url: url.into(),
            domain: "example.co.uk".into(),
            hostname: "shop.example.co.uk".into(),
            pathname: "/pricing/plans".into(),
            query_string: Some("plan=pro&seats=5".into()),
            fragment: Some("top".into()),
            breadcrumb: vec!["pricing".into(), "plans".into()],
            ..Page::default()
        });
        let mut bytes = Vec::new();
        write_page(&page, &mut bytes);
        assert_eq!(read(&bytes), page);
        assert!(bytes.len() < url.len() + 25, "{}", bytes.len());
    }

    #[test]
    fn how_long_an_encoding_is_is_known_before() {
        for length in [0, 1, 63, 64, 8_191, 8_192] {
            let text = Some("x".repeat(length).into());
            let page = to_bytes(&Page {
                url: "x".repeat(length).into(),
                query_string: text.clone().filter(|_| length % 2 == 0),
                title: text,
                breadcrumb: vec!["part".into(); length.min(ONE_BLOCK - 1)],
                ..Page::default()
            });
            assert_eq!(Texts::of(&page).encoded_len(), page.len());
        }
    }

    #[test]
    fn a_page_of_many_parts_that_are_as_short_in_two_blocks_reads_back_as_it_was() {
        let mut page = to_bytes(&Page::default());
        page.pop();
        page.extend([126]);
        page.extend([0; 63]);
        page.extend([2, 0, 0]);
        let mut bytes = Vec::new();
        write_page(&page, &mut bytes);
        assert_eq!(read(&bytes), page);
    }

    #[test]
    fn a_page_that_another_writer_encoded_in_its_own_way_reads_back_as_it_was() {
        let mut page = to_bytes(&Page::default());
        page.pop();
        page.extend([2, 2, b'a', 2, 2, b'b', 0]);
        let mut bytes = Vec::new();
        write_page(&page, &mut bytes);
        assert_eq!(read(&bytes), page);
    }
}
