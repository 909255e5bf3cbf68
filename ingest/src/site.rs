//! The deployments and page classes in force, compiled once when they are adopted.

use std::collections::HashMap;

use journey::{
    DeploymentId, Text,
    definitions::{ConsentMode, ConsentPolicy, DefinitionSet, Deployment, PageClass, TraitMapping},
    web_event::Policy,
};

/// How a page is treated, the mildest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    #[default]
    None,
    NoOffer,
    NoLink,
    CountOnly,
    Block,
}

impl Class {
    pub(crate) const ALL: [Class; 5] = [
        Class::None,
        Class::NoOffer,
        Class::NoLink,
        Class::CountOnly,
        Class::Block,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Class::None => "none",
            Class::NoOffer => "no_offer",
            Class::NoLink => "no_link",
            Class::CountOnly => "count_only",
            Class::Block => "block",
        }
    }

    /// An unknown class is taken for the strictest: what cannot be read must not leak.
    fn of(name: &str) -> Class {
        Class::ALL
            .into_iter()
            .find(|class| class.as_str() == name)
            .unwrap_or(Class::Block)
    }
}

/// One deployment, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) id: DeploymentId,
    pub(crate) policy: Policy,
    pub(crate) consent: ConsentPolicy,
    pub(crate) suppress_bots: bool,
    pub(crate) search_parameters: Vec<Text>,
    pub(crate) excluded_parameters: Vec<Text>,
    pub(crate) allowed_parameters: Vec<Text>,
    pub(crate) default_country: Option<Text>,
    pub(crate) keep_ip_address: bool,
    pub(crate) keep_fragment: bool,
    pub(crate) traits: Vec<TraitMapping>,
    classes: Vec<(Class, Vec<Pattern>)>,
}

impl Site {
    fn new(deployment: &Deployment, page_classes: &[PageClass]) -> Site {
        let ours = |class: &&PageClass| {
            class
                .deployment_id
                .as_ref()
                .is_none_or(|id| *id == deployment.id)
        };
        let compile = |class: &PageClass| {
            (
                Class::of(&class.class),
                class
                    .patterns
                    .iter()
                    .map(|pattern| Pattern::new(pattern))
                    .collect(),
            )
        };
        Site {
            id: DeploymentId(deployment.id.clone()),
            policy: deployment.policy(),
            consent: deployment.consent.clone(),
            suppress_bots: deployment.suppress_bots,
            search_parameters: deployment.search_query_parameters.clone(),
            excluded_parameters: deployment.excluded_query_parameters.clone(),
            allowed_parameters: deployment.allowed_query_parameters.clone(),
            default_country: deployment.default_country.clone(),
            keep_ip_address: deployment.should_keep_ip_network,
            keep_fragment: deployment.should_keep_url_fragment,
            traits: deployment.traits_mapper.clone(),
            classes: page_classes.iter().filter(ours).map(compile).collect(),
        }
    }

    /// The strictest class whose patterns the page meets.
    pub(crate) fn class(&self, url: &url::Url) -> Class {
        if self.classes.is_empty() {
            return Class::None;
        }
        let page = PageName::new(url);
        let met = |(class, patterns): &(Class, Vec<Pattern>)| {
            patterns
                .iter()
                .any(|pattern| pattern.matches(&page))
                .then_some(*class)
        };
        self.classes
            .iter()
            .filter_map(met)
            .max()
            .unwrap_or_default()
    }

    /// The id as the event names it: of a deployment taken as known, its own.
    pub(crate) fn named(&self, id: &str) -> DeploymentId {
        if self.id.as_str() == id {
            self.id.clone()
        } else {
            DeploymentId::from(id)
        }
    }

    /// All traits that the deployment takes.
    pub(crate) fn trait_names(&self) -> impl Iterator<Item = &Text> {
        self.traits
            .iter()
            .map(|mapping| mapping.trait_name.as_ref().unwrap_or(&mapping.field_name))
    }

    /// The trait that an attribute or a trait of the event is, if the deployment says so.
    pub(crate) fn mapping(&self, field: &str) -> Option<&TraitMapping> {
        self.traits
            .iter()
            .find(|mapping| mapping.field_name == field)
    }
}

/// All deployments in force.
#[derive(Debug)]
pub(crate) struct Sites {
    by_id: HashMap<Text, Site>,
    fallback: Option<Site>,
}

impl Sites {
    /// The deployments of a set; with `accept_unknown` every other is taken as known and consent as not needed.
    pub(crate) fn new(set: &DefinitionSet, accept_unknown: bool) -> Sites {
        let by_id = set
            .deployments
            .iter()
            .map(|(id, d)| (id.clone(), Site::new(d, &set.page_classes)))
            .collect();
        let consent = ConsentPolicy {
            mode: ConsentMode::NotNeeded,
            purposes: Vec::new(),
        };
        let fallback = || {
            Site::new(
                &Deployment {
                    consent,
                    ..Deployment::default()
                },
                &set.page_classes,
            )
        };
        Sites {
            by_id,
            fallback: accept_unknown.then(fallback),
        }
    }

    /// A deployment, if it is known or every one is taken.
    pub(crate) fn get(&self, id: &str) -> Option<&Site> {
        self.by_id.get(id).or(self.fallback.as_ref())
    }
}

/// A page as patterns see it: host, path and query, decoded and in lower case.
struct PageName {
    text: String,
    query: usize,
}

impl PageName {
    fn new(url: &url::Url) -> PageName {
        let mut text = String::from(url.host_str().unwrap_or_default());
        text.push_str(&crate::query::decode(url.path(), false));
        let query = text.len();
        if let Some(asked) = url.query() {
            text.push('?');
            text.push_str(&crate::query::decode(asked, true));
        }
        PageName {
            query: text[..query].to_lowercase().len(),
            text: text.to_lowercase(),
        }
    }
}

/// A pattern over host and path, as `shop.example/account/*`: `*` is any run of characters, case does not count, a pattern
/// without a path is the whole host, and the query counts only where the pattern has a `?`.
#[derive(Clone, Debug)]
struct Pattern(String);

impl Pattern {
    fn new(pattern: &str) -> Pattern {
        let pattern = pattern.trim();
        let bare = pattern
            .split_once("://")
            .map_or(pattern, |(_, rest)| rest)
            .to_lowercase();
        Pattern(if bare.contains('/') || bare.ends_with('*') {
            bare
        } else {
            format!("{bare}/*")
        })
    }

    fn matches(&self, page: &PageName) -> bool {
        let text = if self.0.contains('?') {
            &page.text[..]
        } else {
            &page.text[..page.query]
        };
        glob(self.0.as_bytes(), text.as_bytes())
    }
}

/// Whether `text` is `pattern` with its `*` filled in.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            retry = Some((p + 1, t));
            p += 1;
        } else if p < pattern.len() && pattern[p] == text[t] {
            (p, t) = (p + 1, t + 1);
        } else if let Some((after_star, from)) = retry {
            (p, t) = (after_star, from + 1);
            retry = Some((after_star, from + 1));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(classes: &[(&str, &str)], url: &str, expected: Class) {
        let class = |(i, (pattern, class)): (usize, &(&str, &str))| PageClass {
            id: Text::from(i.to_string()),
            version: 1,
            deployment_id: None,
            patterns: vec![Text::from(*pattern)],
            class: Text::from(*class),
        };
        let classes: Vec<PageClass> = classes.iter().enumerate().map(class).collect();
        let site = Site::new(&Deployment::default(), &classes);
        assert_eq!(site.class(&url.parse().expect("a URL")), expected, "{url}");
    }

    #[test]
    fn a_star_is_any_run_of_characters() {
        let account = [("shop.example/account/*", "no_offer")];
        check(
            &account,
            "https://shop.example/account/orders?x=1",
            Class::NoOffer,
        );
        check(&account, "https://shop.example/account/", Class::NoOffer);
        check(&account, "https://shop.example/accounts", Class::None);
        check(&account, "https://www.shop.example/account/", Class::None);
        check(
            &[("*.example/*/health*", "no_link")],
            "https://a.b.example/x/y/health-care",
            Class::NoLink,
        );
    }

    #[test]
    fn a_pattern_without_a_path_is_the_whole_host() {
        check(
            &[("bank.example", "count_only")],
            "http://bank.example/anything",
            Class::CountOnly,
        );
        check(
            &[("bank.example", "count_only")],
            "http://notbank.example/",
            Class::None,
        );
    }

    #[test]
    fn case_and_escapes_do_not_hide_a_page() {
        check(
            &[("shop.example/secret/*", "block")],
            "https://SHOP.example/%53ecret/x",
            Class::Block,
        );
        check(
            &[("https://shop.example/Größe*", "block")],
            "https://shop.example/gr%C3%B6%C3%9Fe",
            Class::Block,
        );
    }

    #[test]
    fn the_query_counts_where_the_pattern_asks_for_it() {
        check(
            &[("shop.example/*?*topic=debt*", "block")],
            "https://shop.example/q?a=1&topic=debt",
            Class::Block,
        );
        check(
            &[("shop.example/q", "block")],
            "https://shop.example/q?a=1",
            Class::Block,
        );
    }

    #[test]
    fn the_strictest_class_stands_and_an_unknown_one_is_the_strictest() {
        let two = [
            ("shop.example/*", "no_offer"),
            ("shop.example/x", "count_only"),
        ];
        check(&two, "https://shop.example/x", Class::CountOnly);
        check(
            &[("shop.example/*", "no_such_class")],
            "https://shop.example/x",
            Class::Block,
        );
    }
}
