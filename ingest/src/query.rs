//! A URL's query, walked once: what is excluded, the campaign and the search text.

use std::borrow::Cow;

use journey::{Text, percent::decode, web_event::MktCampaign};

use crate::{
    scrub::{Form, Hits, scrub},
    site::Site,
};

/// Click ids that are set on advertisements alone, and the networks that set them.
const OF_ADS: &[(&str, &str)] = &[
    ("gclid", "Google Ads"),
    ("gbraid", "Google Ads"),
    ("wbraid", "Google Ads"),
    ("dclid", "Google Marketing Platform"),
    ("msclkid", "Microsoft Advertising"),
    ("ttclid", "TikTok"),
    ("li_fat_id", "LinkedIn"),
    ("twclid", "X"),
    ("yclid", "Yandex Direct"),
    ("ScCid", "Snapchat"),
    ("rdt_cid", "Reddit"),
    ("qclid", "Quora"),
    ("irclickid", "impact.com"),
];

/// Click ids that a social network sets on every link that leads away from it, a friend's post as well as an advertisement.
const OF_LINKS: &[(&str, &str)] = &[("fbclid", "Meta"), ("epik", "Pinterest")];

/// What a click id says of where it was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Click {
    /// On an advertisement.
    Ad,
    /// On some link of a social network.
    Link,
}

/// What a campaign's click id says.
pub(crate) fn click(campaign: &MktCampaign) -> Option<Click> {
    let network = campaign.network.as_ref()?;
    let of_links = OF_LINKS.iter().any(|(_, name)| *network == *name);
    Some(if of_links { Click::Link } else { Click::Ad })
}

/// What a page's query says.
#[derive(Debug, Default)]
pub(crate) struct Query<'q> {
    /// The query without what the deployment excludes.
    pub(crate) kept: Cow<'q, str>,
    pub(crate) campaign: Option<MktCampaign>,
    pub(crate) search: Option<Text>,
}

impl<'q> Query<'q> {
    /// Reads a page's query.
    pub(crate) fn read(query: &'q str, site: &Site, hits: &mut Hits) -> Query<'q> {
        let mut read = Query {
            kept: without_excluded(query, site),
            ..Query::default()
        };
        let (mut search, mut search_rank) = ("", usize::MAX);
        for (name, value) in pairs(query) {
            if value.is_empty() || is_excluded(&name, site) {
                continue;
            }
            read.note_campaign(&name, value, hits);
            let rank = site
                .search_parameters
                .iter()
                .position(|parameter| **parameter == *name);
            if let Some(rank) = rank.filter(|rank| *rank < search_rank) {
                (search, search_rank) = (value, rank);
            }
        }
        read.search = (!search.is_empty()).then(|| clean(search, hits));
        read
    }

    fn note_campaign(&mut self, name: &str, value: &str, hits: &mut Hits) {
        let part: fn(&mut MktCampaign) -> &mut Option<Text> = match name {
            "utm_source" => |campaign| &mut campaign.source,
            "utm_medium" => |campaign| &mut campaign.medium,
            "utm_campaign" => |campaign| &mut campaign.name,
            "utm_term" => |campaign| &mut campaign.term,
            "utm_content" => |campaign| &mut campaign.content,
            _ => return self.note_click(name, value, hits),
        };
        *part(self.campaign.get_or_insert_default()) = Some(clean(value, hits));
    }

    /// The first click id stands, and the first of an advertisement above one that any link may have.
    fn note_click(&mut self, name: &str, value: &str, hits: &mut Hits) {
        let in_list = |list: &[(&str, &'static str)]| {
            let found = list.iter().find(|(id, _)| *id == name);
            found.map(|(_, network)| *network)
        };
        let (network, of_ad) = match (in_list(OF_ADS), in_list(OF_LINKS)) {
            (Some(network), _) => (network, true),
            (None, Some(network)) => (network, false),
            (None, None) => return,
        };
        let campaign = self.campaign.get_or_insert_default();
        let stands = match click(campaign) {
            None => false,
            Some(Click::Link) => !of_ad,
            Some(Click::Ad) => true,
        };
        if !stands {
            campaign.click_id = Some(clean(value, hits));
            campaign.network = Some(Text::from(network));
        }
    }
}

/// A parameter's value, decoded and scrubbed: before it is decoded too, which takes a telephone number's `+` for a space.
fn clean(value: &str, hits: &mut Hits) -> Text {
    let value = scrub(value, Form::Query, hits);
    Text::from(&*scrub(&decode(&value, true), Form::Plain, hits))
}

/// The value of the first of these parameters, decoded and scrubbed.
pub(crate) fn find(query: &str, parameters: &str, hits: &mut Hits) -> Option<Text> {
    let wanted = |name: &str| parameters.split(',').any(|parameter| parameter == name);
    let (_, value) = pairs(query).find(|(name, value)| !value.is_empty() && wanted(name))?;
    Some(clean(value, hits))
}

/// The query without the parameters that the deployment excludes.
pub(crate) fn without_excluded<'q>(query: &'q str, site: &Site) -> Cow<'q, str> {
    if site.excluded_parameters.is_empty() && site.allowed_parameters.is_empty() {
        return Cow::Borrowed(query);
    }
    let name = |pair: &'q str| decode(pair.split_once('=').map_or(pair, |(name, _)| name), true);
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !is_excluded(&name(pair), site))
        .collect();
    Cow::Owned(kept.join("&"))
}

/// A fragment without the parameters that the deployment excludes: a query after a `?`, as single-page applications write
/// it, or a fragment that is a query itself, as some log-ins answer (`#access_token=…&state=…`).
pub(crate) fn fragment_without_excluded<'f>(fragment: &'f str, site: &Site) -> Cow<'f, str> {
    let (path, query) = match fragment.split_once('?') {
        Some((path, query)) => (Some(path), query),
        None if fragment.contains('=') => (None, fragment),
        None => return Cow::Borrowed(fragment),
    };
    match (without_excluded(query, site), path) {
        (Cow::Borrowed(_), _) => Cow::Borrowed(fragment),
        (kept, None) => kept,
        (kept, Some(path)) if kept.is_empty() => Cow::Borrowed(path),
        (kept, Some(path)) => Cow::Owned(format!("{path}?{kept}")),
    }
}

/// By the list of what is dropped, or by that of what is kept. Case does not count: what is excluded must not come through as
/// `Token`.
fn is_excluded(name: &str, site: &Site) -> bool {
    let named = |list: &[Text]| list.iter().any(|one| one.eq_ignore_ascii_case(name));
    named(&site.excluded_parameters)
        || (!site.allowed_parameters.is_empty() && !named(&site.allowed_parameters))
}

/// Names, decoded, with values, as they stand.
fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    query.split('&').map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(name, true), value)
    })
}

#[cfg(test)]
mod tests {
    use journey::definitions::{Definition, DefinitionSet, Deployment};

    use super::*;
    use crate::{scrub::Kind, site::Sites};

    #[track_caller]
    fn check(query: &str, excluded: &[&str], kept: &str, search: Option<&str>, campaign: &str) {
        let deployment = Deployment {
            id: Text::from("shop"),
            excluded_query_parameters: excluded.iter().map(|name| Text::from(*name)).collect(),
            ..Deployment::default()
        };
        let set = DefinitionSet::new(1, Default::default(), [Definition::Deployment(deployment)]);
        let sites = Sites::new(&set, false, 1);
        let site = sites.get("shop").expect("known");
        let read = Query::read(query, site, &mut Hits::default());
        assert_eq!(read.kept, kept);
        assert_eq!(read.search.as_deref(), search);
        let c = read.campaign.unwrap_or_default();
        let parts = [
            c.source, c.medium, c.name, c.term, c.content, c.click_id, c.network,
        ];
        assert_eq!(
            parts
                .map(|part| part.map(|t| t.to_string()).unwrap_or_default())
                .join("|"),
            campaign
        );
    }

    const NO_CAMPAIGN: &str = "||||||";

    #[test]
    fn a_campaign_is_read_from_the_parameters() {
        check(
            "utm_source=news&utm_medium=email&utm_campaign=spring%20sale&utm_term=a+b&utm_content=top",
            &[],
            "utm_source=news&utm_medium=email&utm_campaign=spring%20sale&utm_term=a+b&utm_content=top",
            None,
            "news|email|spring sale|a b|top||",
        );
        check(
            "gclid=Cj0K&x=1",
            &[],
            "gclid=Cj0K&x=1",
            None,
            "|||||Cj0K|Google Ads",
        );
        check(
            "msclkid=m&fbclid=f",
            &[],
            "msclkid=m&fbclid=f",
            None,
            "|||||m|Microsoft Advertising",
        );
        check(
            "fbclid=f&msclkid=m&gclid=g&epik=e",
            &[],
            "fbclid=f&msclkid=m&gclid=g&epik=e",
            None,
            "|||||m|Microsoft Advertising",
        );
        check(
            "epik=e&fbclid=f",
            &[],
            "epik=e&fbclid=f",
            None,
            "|||||e|Pinterest",
        );
        check(
            "utm_source=jane%40example.com",
            &[],
            "utm_source=jane%40example.com",
            None,
            "[email]||||||",
        );
        check(
            "fbclid=jane%40example.com",
            &[],
            "fbclid=jane%40example.com",
            None,
            "|||||[email]|Meta",
        );
        check("utm_source=&x", &[], "utm_source=&x", None, NO_CAMPAIGN);
    }

    #[test]
    fn a_search_text_is_that_of_the_first_parameter_in_the_deployments_order() {
        check(
            "s=second&q=first+one",
            &[],
            "s=second&q=first+one",
            Some("first one"),
            NO_CAMPAIGN,
        );
        check("q=&s=x", &[], "q=&s=x", Some("x"), NO_CAMPAIGN);
    }

    #[test]
    fn a_value_is_scrubbed_before_its_plus_becomes_a_space() {
        let number = "+4915112345678";
        check(
            &format!("q={number}&utm_term={number}"),
            &[],
            &format!("q={number}&utm_term={number}"),
            Some("[phone]"),
            "|||[phone]|||",
        );
        check(
            &format!("fbclid={number}&q=call%20{number}+now"),
            &[],
            &format!("fbclid={number}&q=call%20{number}+now"),
            Some("call [phone] now"),
            "|||||[phone]|Meta",
        );
        check(
            "q=foo+12345678&utm_term=%2B4915112345678",
            &[],
            "q=foo+12345678&utm_term=%2B4915112345678",
            Some("foo 12345678"),
            "|||[phone]|||",
        );
        let mut hits = Hits::default();
        let asked = find("p=1&p=2&q=(+4915112345678)", "q", &mut hits);
        assert_eq!(asked.as_deref(), Some("([phone])"));
        assert_eq!(hits.of(Kind::Phone), 1);
    }

    #[test]
    fn an_excluded_parameter_is_used_for_nothing() {
        check(
            "a=1&gclid=x&token=t&b",
            &["gclid", "token"],
            "a=1&b",
            None,
            NO_CAMPAIGN,
        );
        check("%74oken=t&q=x", &["token"], "q=x", Some("x"), NO_CAMPAIGN);
        check("q=secret", &["q"], "", None, NO_CAMPAIGN);
        check("TOKEN=t&x", &["Token"], "x", None, NO_CAMPAIGN);
    }

    #[test]
    fn with_a_list_of_what_is_allowed_everything_else_is_used_for_nothing() {
        let deployment = Deployment {
            id: Text::from("shop"),
            allowed_query_parameters: vec!["size".into(), "utm_source".into(), "Q".into()],
            ..Deployment::default()
        };
        let set = DefinitionSet::new(1, Default::default(), [Definition::Deployment(deployment)]);
        let sites = Sites::new(&set, false, 1);
        let site = sites.get("shop").expect("known");
        let asked = "size=42&session=s&utm_source=news&utm_medium=x&gclid=g&q=shoes&s=boots&flag";
        let read = Query::read(asked, site, &mut Hits::default());
        assert_eq!(read.kept, "size=42&utm_source=news&q=shoes");
        assert_eq!(read.search.as_deref(), Some("shoes"));
        let campaign = read.campaign.expect("a campaign");
        assert_eq!(campaign.source.as_deref(), Some("news"));
        assert_eq!((campaign.medium, campaign.click_id), (None, None));
        let fragment = fragment_without_excluded("/x?session=s&size=1", site);
        assert_eq!(fragment, "/x?size=1");
    }

    #[test]
    fn decoding_survives_whatever_comes() {
        for (text, expected) in [
            ("a%20b+c", "a b c"),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%ff", "\u{fffd}"),
        ] {
            assert_eq!(decode(text, true), expected);
        }
        assert_eq!(decode("a+b", false), "a+b");
    }
}
