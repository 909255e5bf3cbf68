//! A campaign as an address says it: `ingest` reads campaigns of the page's address, and nowhere else.

use url::Url;

/// What is said of a campaign beside the page's address: parameters, as `ingest` reads them there, and their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Campaign<'a>(Vec<(&'static str, &'a str)>);

impl<'a> Campaign<'a> {
    /// Of these, those that say something.
    pub(super) fn new(parts: impl IntoIterator<Item = (&'static str, &'a str)>) -> Campaign<'a> {
        let said = parts.into_iter().filter(|(_, value)| !value.is_empty());
        Campaign(said.collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The address with the campaign in it; `None` if it says all of it already, or can hold none. One that names a campaign
    /// of its own is believed, whatever is said beside it.
    pub(super) fn put_into(&self, address: &str) -> Option<String> {
        let mut url = Url::parse(address).ok()?;
        let there: Vec<String> = url.query_pairs().map(|(name, _)| name.into()).collect();
        let is_utm = |name: &str| name.starts_with("utm_");
        let has_campaign = there.iter().any(|name| is_utm(name));
        let missing = |name: &str| {
            if is_utm(name) {
                !has_campaign
            } else {
                there.iter().all(|known| known != name)
            }
        };
        let parts = self.0.iter().filter(|(name, _)| missing(name));
        let mut parts = parts.peekable();
        parts.peek()?;
        url.query_pairs_mut().extend_pairs(parts);
        Some(url.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: [(&str, &str); 3] = [("utm_source", "news"), ("utm_term", ""), ("gclid", "g 1")];

    #[test]
    fn what_an_address_does_not_say_of_a_campaign_is_put_into_it() {
        let put = |address| Campaign::new(SAID).put_into(address);
        let shop = |query: &str| Some(format!("https://shop.example/a{query}"));
        let whole = shop("?utm_source=news&gclid=g+1");
        assert_eq!(put("https://shop.example/a"), whole);
        let of_its_own = put("https://shop.example/a?utm_medium=email");
        assert_eq!(of_its_own, shop("?utm_medium=email&gclid=g+1"));
        let clicked = put("https://shop.example/a?gclid=g2#f");
        assert_eq!(clicked, shop("?gclid=g2&utm_source=news#f"));
        for nothing in ["https://shop.example/?gclid=1&utm_source=x", "/a", ""] {
            assert_eq!(put(nothing), None, "{nothing}");
        }
        assert!(Campaign::new([("gclid", "")]).is_empty());
    }
}
