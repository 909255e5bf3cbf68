//! How a page stands in a state: its URL whole, and of the URL's parts only where in it they stand.

use journey::{Text, web_event::Page};
use schemas::{Avro, Malformed, avro::Reader};

/// The parts of a page's URL, where they stand in it.
pub(crate) fn write_page(page: &Page, to: &mut Vec<u8>) {
    let Page {
        url,
        title,
        domain,
        fragment,
        hostname,
        keywords,
        lang,
        pathname,
        query_string,
        breadcrumb,
    } = page;
    url.write(to);
    title.write(to);
    keywords.write(to);
    lang.write(to);
    let host = url
        .bytes()
        .position(|byte| byte == b':')
        .map_or(0, |colon| colon + 3);
    let path = host + hostname.len();
    write_part(domain, url, path.saturating_sub(domain.len()), to);
    write_part(hostname, url, host, to);
    write_part(pathname, url, path, to);
    let behind = url.len()
        - fragment
            .as_ref()
            .map_or(0, |fragment| fragment.len())
            .min(url.len());
    for (part, place) in [
        (fragment, behind),
        (query_string, path + pathname.len() + 1),
    ] {
        part.is_some().write(to);
        if let Some(part) = part {
            write_part(part, url, place, to);
        }
    }
    (breadcrumb.len() as i64).write(to);
    let mut place = path + 1;
    for part in breadcrumb {
        write_part(part, url, place, to);
        place += part.len() + 1;
    }
}

pub(crate) fn read_page(from: &mut Reader<'_>) -> Result<Page, Malformed> {
    let mut page = Page {
        url: Avro::read(from)?,
        title: Avro::read(from)?,
        keywords: Avro::read(from)?,
        lang: Avro::read(from)?,
        ..Page::default()
    };
    page.domain = read_part(&page.url, from)?;
    page.hostname = read_part(&page.url, from)?;
    page.pathname = read_part(&page.url, from)?;
    page.fragment = if bool::read(from)? {
        Some(read_part(&page.url, from)?)
    } else {
        None
    };
    page.query_string = if bool::read(from)? {
        Some(read_part(&page.url, from)?)
    } else {
        None
    };
    let count = i64::read(from)?;
    if count < 0 || count as usize > from.rest().len() {
        return Err(Malformed::Length);
    }
    page.breadcrumb = (0..count)
        .map(|_| read_part(&page.url, from))
        .collect::<Result<_, _>>()?;
    Ok(page)
}

/// A text that should stand in another at `place`: the place and the length if it does, else itself behind a −1.
fn write_part(part: &str, whole: &str, place: usize, to: &mut Vec<u8>) {
    if whole.get(place..place + part.len()) == Some(part) {
        (place as i64).write(to);
        (part.len() as i64).write(to);
    } else {
        (-1i64).write(to);
        schemas::avro::write_str(part, to);
    }
}

fn read_part(whole: &str, from: &mut Reader<'_>) -> Result<Text, Malformed> {
    let place = i64::read(from)?;
    if place == -1 {
        return Avro::read(from);
    }
    let length = i64::read(from)?;
    let (Ok(start), Ok(length)) = (usize::try_from(place), usize::try_from(length)) else {
        return Err(Malformed::Length);
    };
    let end = start.checked_add(length).ok_or(Malformed::Length)?;
    whole
        .get(start..end)
        .map(Text::from)
        .ok_or(Malformed::Length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_costs_little_more_than_its_url() {
        let url = "https://shop.example.co.uk/pricing/plans?plan=pro&seats=5#top";
        let page = Page {
            url: url.into(),
            domain: "example.co.uk".into(),
            hostname: "shop.example.co.uk".into(),
            pathname: "/pricing/plans".into(),
            query_string: Some("plan=pro&seats=5".into()),
            fragment: Some("top".into()),
            breadcrumb: vec!["pricing".into(), "plans".into()],
            ..Page::default()
        };
        let mut bytes = Vec::new();
        write_page(&page, &mut bytes);
        assert_eq!(read_page(&mut Reader::new(&bytes)), Ok(page));
        assert!(bytes.len() < url.len() + 24, "{}", bytes.len());
    }
}
