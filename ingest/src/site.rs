//! The deployments and page classes in force, compiled once when they are adopted.

use std::collections::HashMap;

use journey::{
    DeploymentId, Text,
    definitions::{
        ConsentMode, ConsentPolicy, DefinitionSet, Deployment, PageClass, PageName, PagePattern,
        TraitMapping,
    },
    web_event::Policy,
};

use crate::admission::Gates;

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
    pub(crate) fn of(name: &str) -> Class {
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
    pub(crate) gates: Gates,
    classes: Vec<(Class, Vec<PagePattern>)>,
}

impl Site {
    /// A deployment, for one of so many tasks.
    fn new(deployment: &Deployment, page_classes: &[PageClass], tasks: u32) -> Site {
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
                    .map(|pattern| PagePattern::new(pattern))
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
            gates: Gates::new(deployment, tasks),
            classes: page_classes.iter().filter(ours).map(compile).collect(),
        }
    }

    /// The strictest class whose patterns the page meets.
    pub(crate) fn class(&self, url: &url::Url) -> Class {
        if self.classes.is_empty() {
            return Class::None;
        }
        let page = PageName::new(url);
        let met = |(class, patterns): &(Class, Vec<PagePattern>)| {
            patterns
                .iter()
                .any(|pattern| pattern.meets(&page))
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
    /// `tasks` share what a deployment may send.
    pub(crate) fn new(set: &DefinitionSet, accept_unknown: bool, tasks: u32) -> Sites {
        let by_id = set
            .deployments
            .iter()
            .map(|(id, d)| (id.clone(), Site::new(d, &set.page_classes, tasks)))
            .collect();
        let consent = ConsentPolicy {
            mode: ConsentMode::NotNeeded,
            ..ConsentPolicy::default()
        };
        let fallback = || {
            Site::new(
                &Deployment {
                    consent,
                    ..Deployment::default()
                },
                &set.page_classes,
                tasks,
            )
        };
        Sites {
            by_id,
            fallback: accept_unknown.then(fallback),
        }
    }

    /// Whether an id is a deployment's: not just any text that somebody sent.
    pub(crate) fn knows(&self, id: &str) -> bool {
        self.get(id).is_some()
    }

    /// A deployment, if it is known or every one is taken.
    pub(crate) fn get(&self, id: &str) -> Option<&Site> {
        self.by_id.get(id).or(self.fallback.as_ref())
    }
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
        let site = Site::new(&Deployment::default(), &classes, 1);
        assert_eq!(site.class(&url.parse().expect("a URL")), expected, "{url}");
    }

    #[test]
    fn a_page_is_of_the_class_whose_pattern_it_meets() {
        let secret = [("shop.example/secret*", "block")];
        check(&secret, "https://shop.example/secret/x", Class::Block);
        check(&secret, "https://shop.example/", Class::None);
    }

    #[test]
    fn no_way_of_writing_a_page_hides_it() {
        let secret = [
            ("shop.example/secret*", "block"),
            ("größe.example", "block"),
        ];
        for url in [
            "https://SHOP.example/%53ecret/x",
            "https://shop.example./secret",
            "https://shop.example:8443//secret",
            "https://xn--gre-6ka8i.example/",
            "https://größe.example./x",
        ] {
            check(&secret, url, Class::Block);
        }
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
