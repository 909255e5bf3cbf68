//! How a page is treated and by which pattern: the same answer as an event of that page gets, for people who ask.

use journey::{
    Text,
    definitions::{DefinitionSet, PageClass, PageName, PagePattern},
};
use url::Url;

use crate::site::Class;

/// How a deployment treats a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classified {
    /// `none`, `no_offer`, `no_link`, `count_only` or `block`: the strictest of those that are met.
    pub class: &'static str,
    /// Every pattern that the page meets.
    pub met: Vec<Met>,
}

/// A pattern that a page meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Met {
    /// The page class's id.
    pub id: Text,
    /// Its class.
    pub class: &'static str,
    /// The pattern, as it is written.
    pub pattern: Text,
}

/// How the definitions treat a page of a deployment.
pub fn classify(definitions: &DefinitionSet, deployment: &str, page: &Url) -> Classified {
    let page = PageName::new(page);
    let ours = |class: &&PageClass| {
        class
            .deployment_id
            .as_deref()
            .is_none_or(|id| id == deployment)
    };
    let mut strictest = Class::None;
    let mut met = Vec::new();
    for class in definitions.page_classes.iter().filter(ours) {
        for pattern in &class.patterns {
            if PagePattern::new(pattern).meets(&page) {
                let kind = Class::of(&class.class);
                strictest = strictest.max(kind);
                met.push(Met {
                    id: class.id.clone(),
                    class: kind.as_str(),
                    pattern: pattern.clone(),
                });
            }
        }
    }
    Classified {
        class: strictest.as_str(),
        met,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::Sites;

    #[test]
    fn people_are_told_what_an_event_of_the_page_would_get() {
        let json = r#"[
            {"kind":"deployment","id":"shop"}, {"kind":"deployment","id":"blog"},
            {"kind":"pageClass","id":"account","patterns":["*.example/account*"],"class":"no_offer"},
            {"kind":"pageClass","id":"secret","patterns":["shop.example/account/secret","größe.example"],"class":"block","deploymentId":"shop"}
        ]"#;
        let definitions: Vec<journey::definitions::Definition> =
            serde_json::from_str(json).expect("definitions");
        let set = DefinitionSet::first(definitions);
        let sites = Sites::new(&set, false, 1);
        for (deployment, page, class, met) in [
            ("shop", "https://shop.example./account/SECRET", "block", 2),
            ("blog", "https://shop.example/account/secret", "no_offer", 1),
            ("shop", "https://xn--gre-6ka8i.example/", "block", 1),
            ("shop", "https://shop.example/", "none", 0),
        ] {
            let page: Url = page.parse().expect("a URL");
            let told = classify(&set, deployment, &page);
            assert_eq!((told.class, told.met.len()), (class, met), "{page}");
            let site = sites.get(deployment).expect("known");
            assert_eq!(site.class(&page).as_str(), class, "{page}");
        }
    }
}
