//! What decoding one raw record gives, and the words that every record repeats.

use std::cell::RefCell;

use journey::{Text, VisitorTrait, WebEvent, definitions::ConsentMode, web_event::kind};

use crate::{
    config::Config,
    event_time::Correction,
    quota::Quotas,
    scrub::Hits,
    site::{Class, Sites},
};

/// One raw record, validated, consented, scrubbed and enriched, with all that is to be told of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Accepted {
    /// For `web.events`.
    pub event: WebEvent,
    /// For `journey.visitors`.
    pub traits: Vec<VisitorTrait>,
    /// Names of traits that are to be forgotten.
    pub forgotten: Vec<Text>,
    pub(crate) hits: Hits,
    pub(crate) correction: Option<Correction>,
}

/// What records are judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'t> {
    pub(crate) config: &'t Config,
    pub(crate) sites: &'t Sites,
    pub(crate) words: &'t Words,
    pub(crate) quotas: &'t RefCell<Quotas>,
}

/// Texts that records repeat: made once, shared by all.
#[derive(Clone, Debug)]
pub(crate) struct Words {
    pub(crate) none: Text,
    pub(crate) web: Text,
    pub(crate) engagement: Text,
    pub(crate) control: Text,
    pub(crate) withdrawn: Text,
    pub(crate) granted: Text,
    pub(crate) implied: Text,
    pub(crate) not_needed: Text,
    classes: [Text; Class::ALL.len()],
    types: [Text; 4],
}

/// The types that an attribute may have.
const TYPES: [&str; 4] = ["string", "number", "integer", "boolean"];

impl Default for Words {
    fn default() -> Self {
        Words {
            none: Text::default(),
            web: Text::from(kind::WEB),
            engagement: Text::from(kind::ENGAGEMENT),
            control: Text::from(kind::CONTROL),
            withdrawn: Text::from("withdrawn"),
            granted: Text::from("granted"),
            implied: Text::from("implied"),
            not_needed: Text::from("not_needed"),
            classes: Class::ALL.map(|class| Text::from(class.as_str())),
            types: TYPES.map(Text::from),
        }
    }
}

impl Words {
    pub(crate) fn class(&self, class: Class) -> Text {
        self.classes[class as usize].clone()
    }

    /// The basis on which an event is used.
    pub(crate) fn basis(&self, mode: ConsentMode, granted: bool) -> Text {
        let word = match mode {
            _ if granted => &self.granted,
            ConsentMode::NotNeeded => &self.not_needed,
            ConsentMode::Required | ConsentMode::Implied => &self.implied,
        };
        word.clone()
    }

    /// An attribute's type, whatever its case.
    pub(crate) fn data_type(&self, name: &str) -> Option<Text> {
        self.types
            .iter()
            .find(|word| word.eq_ignore_ascii_case(name))
            .cloned()
    }
}
